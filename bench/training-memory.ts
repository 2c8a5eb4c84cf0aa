/**
 * Memory of training: the resident set of a process that does nothing but training steps. Lengths
 * vary as those of real batches do (every other batch has the full length), since a leak or a
 * growing arena shows with changing shapes first.
 */
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import type { Command } from "../scripts/cli/command.ts";
import { startProgress } from "../scripts/cli/progress.ts";
import { provenance } from "./provenance.ts";
import {
  COMMON_OPTIONS,
  openBase,
  readLength,
  readPooling,
  readThreads,
  readTrainGraph,
} from "./training/settings.ts";
import { median, table } from "./stats.ts";

/** Lengths are multiples of this. */
const LENGTH_STEP = 8;
/** Samples of the resident set at each end that are compared. */
const END_SHARE = 0.1;
/** Steps before the first sample: every shape has been met, the heap has its size. */
const WARM_UP_STEPS = 100;

export const bench: Command = defineCommand({
  summary: "peak memory of training, and whether it grows with the steps",
  usage: "--checkpoint DIR | --base DIR [--task NAME] [--batch B] [--tokens T] [--steps N]",
  example: "npx edge-prefix bench training-memory --base models/minilm --steps 10000",
  options: {
    ...COMMON_OPTIONS,
    task: { type: "string", value: "NAME", default: "mean", hint: "pooler, cls, mean or token" },
    batch: { type: "string", value: "B", default: "32", hint: "rows of every batch" },
    tokens: { type: "string", value: "T", default: "64", hint: "tokens of the longest batches" },
    steps: {
      type: "string",
      value: "N",
      default: "300",
      hint: `measured steps, after ${WARM_UP_STEPS} that are not`,
    },
  },
  async run({ values, io }) {
    const batch = readInteger(values.batch, "--batch", { min: 1 })!;
    const tokens = readInteger(values.tokens, "--tokens", { min: LENGTH_STEP })!;
    const steps = readInteger(values.steps, "--steps", { min: 2 })!;
    const problem = {
      pooling: readPooling(values.task, "--task"),
      numLabels: 4,
      numVirtualTokens: readLength(values),
      threads: readThreads(values),
      trainGraph: readTrainGraph(values),
    };
    const base = await openBase(values);
    const { openOurs } = await import("./training/ours.ts");
    const ours = await openOurs(base, problem);
    const shorter = Math.max(1, Math.floor(tokens / LENGTH_STEP)); // lengths besides the full one
    const samples: number[] = [];
    const progress = startProgress(io, { label: "step", total: WARM_UP_STEPS + steps });
    for (let step = 0; step < WARM_UP_STEPS + steps && !io.signal.aborted; step++) {
      const length = step % 2 === 0 ? tokens : LENGTH_STEP * (1 + ((step >> 1) % shorter));
      await ours.random(batch, length, 1);
      if (step >= WARM_UP_STEPS) samples.push(process.memoryUsage.rss());
      progress.update(step + 1, megabytes(process.memoryUsage.rss()));
    }
    progress.stop();
    await ours.close();
    if (io.signal.aborted) return 130;

    const ends = Math.max(1, Math.floor(END_SHARE * samples.length));
    const result = {
      peak_bytes: 1024 * process.resourceUsage().maxRSS, // maxRSS is in kilobytes
      start_bytes: median(samples.slice(0, ends)),
      end_bytes: median(samples.slice(-ends)),
    };
    if (io.json) {
      const settings = { base: base.manifest.name, task: values.task, batch, tokens, steps };
      io.out(
        JSON.stringify({
          bench: "training-memory",
          ...(await provenance()),
          ...settings,
          ...result,
        }),
      );
    } else {
      io.out(
        table([
          ["shape", "steps", "peak", "at start", "at end"],
          [
            `${batch}x${tokens}`,
            String(steps),
            megabytes(result.peak_bytes),
            megabytes(result.start_bytes),
            megabytes(result.end_bytes),
          ],
        ]),
      );
    }
    return 0;
  },
});

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
