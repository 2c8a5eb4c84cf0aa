/**
 * Progress for people: a bar on a terminal, a sparse line otherwise. It goes to standard error only,
 * so `--json` output stays clean.
 */
import { SingleBar } from "cli-progress";
import type { Io } from "./command.ts";

export interface Progress {
  /** `value` of `total` is done; `note` is a short text such as `loss 0.31 · 3,900 tok/s`. */
  update(value: number, note?: string): void;
  /** Ends the bar; call it also when the work failed. */
  stop(): void;
}

/** A log file gets a line at most this often: enough to see life, few enough to read. */
const LINE_EVERY_MS = 10_000;

/** Starts showing progress; `now` and `isTerminal` are for tests. */
export function startProgress(
  io: Io,
  {
    label,
    total,
    now = Date.now,
    isTerminal = process.stderr.isTTY === true,
  }: {
    label: string;
    total: number;
    now?: () => number;
    isTerminal?: boolean;
  },
): Progress {
  if (isTerminal) {
    const bar = new SingleBar({
      format: `${label} {bar} {value}/{total} · {eta_formatted} left {note}`,
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: false,
      etaBuffer: 30,
    });
    bar.start(total, 0, { note: "" });
    return {
      update: (value, note) => bar.update(value, note === undefined ? {} : { note: `· ${note}` }),
      stop: () => bar.stop(),
    };
  }
  const started = now();
  let lastLine = started;
  return {
    update(value, note) {
      if (now() - lastLine < LINE_EVERY_MS && value < total) return;
      lastLine = now();
      const seconds = (lastLine - started) / 1000;
      const left = value > 0 ? Math.round((seconds / value) * (total - value)) : 0;
      io.err(
        `${label} ${value}/${total} · ${left} s left${note === undefined ? "" : ` · ${note}`}`,
      );
    },
    stop: () => undefined,
  };
}
