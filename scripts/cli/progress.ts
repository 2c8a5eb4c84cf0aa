/**
 * Progress for people: a bar on a terminal, a sparse line otherwise. It goes to standard error only,
 * so `--json` output stays clean.
 */
import type { Io } from "./command.ts";

export interface Progress {
  /** `value` of `total` is done; `note` is a short text such as `loss 0.31 · 3,900 tok/s`. */
  update(value: number, note?: string): void;
  /** Makes room for a line; the bar is drawn again with the next update. */
  clear(): void;
  /** Ends the bar; call it also when the work failed. */
  stop(): void;
}

/** A log file gets a line at most this often: enough to see life, few enough to read. */
const LINE_EVERY_MS = 10_000;
/** A terminal is redrawn at most this often. */
const DRAW_EVERY_MS = 100;
const BAR_WIDTH = 30;
/** Terminal codes: to the start of the line and clear it; hide and show the cursor. */
const REDRAW = "\r\u001b[2K";
const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";

/** A terminal, as far as a bar needs one. */
export interface Screen {
  write(text: string): unknown;
  /** Characters of a line. */
  readonly columns?: number | undefined;
}

/** Starts showing progress; `now` and `screen` (null: no terminal) are for tests. */
export function startProgress(
  io: Pick<Io, "err">,
  {
    label,
    total,
    now = Date.now,
    screen = process.stderr.isTTY === true ? process.stderr : null,
  }: {
    label: string;
    total: number;
    now?: () => number;
    screen?: Screen | null;
  },
): Progress {
  const started = now();
  const describe = (value: number, note: string | undefined): string => {
    const seconds = (now() - started) / 1000;
    const left = value > 0 ? Math.round((seconds / value) * (total - value)) : 0;
    return `${value}/${total} · ${left} s left${note === undefined ? "" : ` · ${note}`}`;
  };
  if (screen !== null) return drawBar(screen, { label, total, now, describe });
  let lastLine = started;
  return {
    update(value, note) {
      if (now() - lastLine < LINE_EVERY_MS && value < total) return;
      lastLine = now();
      io.err(`${label} ${describe(value, note)}`);
    },
    clear: () => undefined,
    stop: () => undefined,
  };
}

function drawBar(
  screen: Screen,
  how: {
    readonly label: string;
    readonly total: number;
    readonly now: () => number;
    readonly describe: (value: number, note: string | undefined) => string;
  },
): Progress {
  const { label, total, now, describe } = how;
  let lastDrawn = -Infinity;
  let lastNote: string | undefined;
  let [value, isStopped] = [0, false];
  const draw = (): void => {
    lastDrawn = now();
    const done = total > 0 ? Math.round((BAR_WIDTH * Math.min(value, total)) / total) : BAR_WIDTH;
    const bar = "█".repeat(done) + "░".repeat(BAR_WIDTH - done);
    const line = `${label} ${bar} ${describe(value, lastNote)}`;
    // A line that wraps would leave its first part standing at the next redraw.
    screen.write(REDRAW + line.slice(0, (screen.columns ?? Infinity) - 1));
  };
  screen.write(HIDE_CURSOR);
  return {
    update(reached, note) {
      value = reached;
      lastNote = note ?? lastNote;
      if (now() - lastDrawn >= DRAW_EVERY_MS) draw();
    },
    clear() {
      if (!isStopped) screen.write(REDRAW);
      lastDrawn = -Infinity;
    },
    stop() {
      if (isStopped) return;
      isStopped = true;
      draw();
      screen.write(`\n${SHOW_CURSOR}`);
    },
  };
}
