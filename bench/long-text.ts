/**
 * Does a long text keep a short one waiting? A text of thousands of words for the bundled `slots`
 * (79 labels, whose tags are chosen together) goes through the whole Worker in workerd, and meanwhile
 * one client sends a line to another task, again and again.
 */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import { PACKAGE } from "../scripts/node/project.ts";
import { publishTask } from "../scripts/publish/publish-task.ts";
import { ENGINE_OPTION, readEngine } from "./engines.ts";
import { putTask, startServed } from "./served/client.ts";
import type { Served } from "./served/client.ts";
import { summary, summaryRow, table } from "./stats.ts";

const LONG = "slots";
const SHORT = "line";
const WORDS = ["play", "the", "song", "by", "a", "b"];
const LINES_BEFORE = 50;
/** Between two lines: a client that waits for its answer and thinks about it. */
const PAUSE_MS = 20;

export const bench = defineCommand({
  summary: "milliseconds that one line waits while a long text is read",
  usage: "[--engine E] [--words N]",
  example: "npx edge-prefix bench long-text --words 20000",
  options: {
    ...ENGINE_OPTION,
    words: { type: "string", value: "N", default: "20000", hint: "words of the long text" },
  },
  async run({ values, io }) {
    const words = readInteger(values.words, "--words", { min: 1, max: 40_000 })!;
    const engine = readEngine(values.engine);
    const served = await startServed(engine, BUNDLED_BASE);
    try {
      await publishTask(served.bucket, join(PACKAGE, "prefixes", LONG));
      await putTask(served, SHORT);
      const text = Array.from({ length: words }, (_, w) => WORDS[w % WORDS.length]!).join(" ");
      await timeOf(served, LONG, WORDS.join(" "));
      const alone = summary(await lines(served, () => false, LINES_BEFORE));
      let isRead = false;
      const [longMs, times] = await Promise.all([
        timeOf(served, LONG, text).finally(() => (isRead = true)),
        lines(served, () => isRead, Infinity),
      ]);
      const beside = summary(times);
      const result = {
        bench: "long-text",
        engine,
        words,
        long_text_ms: longMs,
        line_ms: { alone, beside },
        lines: times.length,
        median_ratio: beside.p50 / alone.p50,
      };
      if (io.json) io.out(JSON.stringify(result));
      else {
        io.out(
          table([
            ["ms of a line", "p50", "p99", "max"],
            summaryRow("alone", alone),
            summaryRow(`beside ${words} words`, beside),
          ]),
        );
        io.out(`the long text took ${(longMs / 1000).toFixed(1)} s beside ${times.length} lines`);
      }
      return 0;
    } finally {
      await served.stop();
    }
  },
});

/** Milliseconds of a text, to the last byte of its answer. */
async function timeOf(served: Served, task: string, text?: string): Promise<number> {
  const { status, body, ms } = await served.ask(task, text);
  if (status !== 200) throw new Error(`${task}: was refused: ${body}`);
  return ms;
}

/** Milliseconds of every line that was sent until `isOver`, `most` at most. */
async function lines(served: Served, isOver: () => boolean, most: number): Promise<number[]> {
  const times: number[] = [];
  while (!isOver() && times.length < most) {
    times.push(await timeOf(served, SHORT));
    await pause(PAUSE_MS);
  }
  return times;
}
