/**
 * Does a long text keep a short one waiting? A text of thousands of words for the bundled `slots`
 * (79 labels, whose tags are chosen together) goes through the whole Worker in workerd, and meanwhile
 * one client sends a line to another task, again and again.
 */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { defineCommand, readInteger } from "../scripts/commands/command.ts";
import { BUNDLED_BASE } from "../scripts/local.ts";
import { PROJECT } from "../scripts/publish/local-bucket.ts";
import { publishTask } from "../scripts/publish/publish-task.ts";
import { putTask, startServed } from "./served/client.ts";
import type { Served } from "./served/client.ts";
import { median, summary, table } from "./stats.ts";
import type { Summary } from "./stats.ts";

const LONG = "slots";
const SHORT = "line";
const WORDS = ["play", "the", "song", "by", "a", "b"];
const LINES_BEFORE = 50;
/** Between two lines: a client that waits for its answer and thinks about it. */
const PAUSE_MS = 20;

export const bench = defineCommand({
  summary: "milliseconds that one line waits while a long text is read",
  usage: "[--words N]",
  example: "npx edge-prefix bench long-text --words 20000",
  options: {
    words: { type: "string", value: "N", default: "20000", hint: "words of the long text" },
  },
  async run({ values, io }) {
    const words = readInteger(values.words, "--words", { min: 1, max: 40_000 })!;
    const served = await startServed(BUNDLED_BASE);
    try {
      await publishTask(served.bucket, join(PROJECT, "prefixes", LONG));
      await putTask(served, SHORT);
      const text = Array.from({ length: words }, (_, w) => WORDS[w % WORDS.length]!).join(" ");
      await read(served, WORDS.join(" "));
      const alone = await lines(served, () => false, LINES_BEFORE);
      let isRead = false;
      const [long, beside] = await Promise.all([
        read(served, text).finally(() => (isRead = true)),
        lines(served, () => isRead, Infinity),
      ]);
      const result = {
        bench: "long-text",
        words,
        long_text_ms: long.ms,
        line_ms: { alone: summary(alone), beside: summary(beside) },
        lines: beside.length,
        median_ratio: median(beside) / median(alone),
      };
      if (io.json) io.out(JSON.stringify(result));
      else {
        const row = (name: string, { p50, p99, max }: Summary): string[] => [
          name,
          ...[p50, p99, max].map((ms) => ms.toFixed(0)),
        ];
        io.out(
          table([
            ["ms of a line", "p50", "p99", "max"],
            row("alone", result.line_ms.alone),
            row(`beside ${words} words`, result.line_ms.beside),
          ]),
        );
        io.out(`the long text took ${(long.ms / 1000).toFixed(1)} s beside ${beside.length} lines`);
      }
      return 0;
    } finally {
      await served.stop();
    }
  },
});

/** Reads a text with the long task, to the last byte of its answer. */
async function read({ url }: Served, text: string): Promise<{ readonly ms: number }> {
  const start = performance.now();
  const response = await fetch(`${url}/v1/tasks/${LONG}/predict`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs: text }),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`the long text was refused: ${answer}`);
  return { ms: performance.now() - start };
}

/** Milliseconds of every line that was sent until `isOver`, `most` at most. */
async function lines(served: Served, isOver: () => boolean, most: number): Promise<number[]> {
  const times: number[] = [];
  while (!isOver() && times.length < most) {
    const { status, ms } = await served.ask(SHORT);
    if (status !== 200) throw new Error(`a line was answered with status ${status}`);
    times.push(ms);
    await pause(PAUSE_MS);
  }
  return times;
}
