/**
 * Does a task know what it does not know? A task is trained with --other on half of the intents of
 * banking77, and asked about all of them: texts of the other half fit none of its labels. No such text
 * chooses anything; the limit follows from a split of the training rows.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readBaseFolder } from "../scripts/base/base-folder.ts";
import { BUNDLED_BASE, baseFolder } from "../scripts/base/names.ts";
import { defineCommand, readInteger, required } from "../scripts/cli/command.ts";
import { startStepBar } from "../scripts/cli/run-display.ts";
import { preciseNow } from "../scripts/node/clock.ts";
import { folderRun } from "../scripts/runs/saved-run.ts";
import { diskSources } from "../scripts/runs/task/data-files.ts";
import { labelScores } from "../src/core/model/decode.ts";
import { tokenizerOf } from "../src/encoder/loaded-base.ts";
import type { Example } from "../src/learn/data/read.ts";
import { decide } from "../src/learn/measure/decisions.ts";
import type { Decoder, JudgedLogits } from "../src/learn/measure/decisions.ts";
import { EVALUATION_BATCH, evaluationLogits } from "../src/learn/measure/evaluate.ts";
import { keyOf, permutation } from "../src/learn/random.ts";
import { prepareTask } from "../src/learn/task/prepare.ts";
import { EMPTY_SPEC } from "../src/learn/task/spec.ts";
import { trainTask } from "../src/learn/task/train-task.ts";
import { runtimesWith } from "./accuracy/cell.ts";
import { SETS, readSet } from "./ladder/sets.ts";
import { table } from "./stats.ts";

const OTHER = "other";
/** What the numbers must reach. */
const LEAST_AUROC = 0.92;
const MOST_LOST = 0.02;

export const bench = defineCommand({
  summary: "texts of unknown intents among known ones, on half of banking77's intents",
  usage: "--data DIR [--base DIR] [--seed N] [--threads N]",
  example: "npx edge-prefix bench unknown --data data --base models/minilm",
  options: {
    data: { type: "string", value: "DIR", hint: "folder of the data sets, one folder each" },
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "base folder" },
    seed: { type: "string", value: "N", default: "0", hint: "chooses the intents that are known" },
    threads: { type: "string", value: "N", default: "2", hint: "threads of training" },
  },
  async run({ values, io }) {
    const data = required(values.data, "--data");
    const seed = readInteger(values.seed, "--seed", { min: 0 })!;
    const threads = readInteger(values.threads, "--threads", { min: 1, max: 1024 })!;
    const rows = await readSet("banking77", data);
    const labels = [...new Set(rows.train.map(labelOf))].sort();
    const order = [...permutation(keyOf(seed), labels.length)];
    const known = new Set(order.slice(0, Math.ceil(labels.length / 2)).map((i) => labels[i]!));
    const isKnown = (example: Example): boolean => known.has(labelOf(example));
    const folder = await mkdtemp(join(tmpdir(), "edge-prefix-unknown-"));
    try {
      const train = join(folder, "known.jsonl");
      await writeFile(train, rows.train.filter(isKnown).map(lineOf).join(""));
      const base = await readBaseFolder(baseFolder(values.base) ?? BUNDLED_BASE);
      const runtimes = runtimesWith(threads);
      const sources = diskSources({ folders: ["."], strict: true, note: () => {} });
      const spec = { ...EMPTY_SPEC, other: OTHER, seed };
      const withData = { ...spec, data: { ...spec.data, train: [{ path: train }] } };
      const prepared = await prepareTask(withData, base.manifest, tokenizerOf(base), sources);
      const bar = startStepBar(io, "train");
      const result = await trainTask(withData, prepared, base, runtimes, {
        name: "known",
        ...folderRun(join(folder, "task")),
        resume: false,
        signal: io.signal,
        now: preciseNow,
        note: io.err,
        onStep: (report) => bar.update(report, ""),
        onEpoch: () => {},
      }).finally(() => bar.stop());
      if (!result.isDone) return 1;
      const { task, prefixBytes } = result.packed;
      const serving = await runtimes.openBase(base, "serving");
      const answer = (examples: readonly Example[]): Promise<JudgedLogits> =>
        evaluationLogits(serving, task, examples, {
          batchSize: EVALUATION_BATCH,
          signal: io.signal,
        });
      const familiar = rows.test.filter(isKnown);
      const strange = rows.test.filter((example) => !isKnown(example));
      const numbers = compare(task.manifest, familiar, await answer(familiar), {
        examples: strange,
        logits: await answer(strange),
      });
      await serving.encoder.release();
      const ok = numbers.auroc >= LEAST_AUROC && numbers.lost <= MOST_LOST;
      const about = {
        base: base.manifest.name,
        known: known.size,
        of: labels.length,
        prefix_bytes: prefixBytes.byteLength,
      };
      if (io.json) io.out(JSON.stringify({ bench: "unknown", ...about, seed, ...numbers, ok }));
      else {
        const share = (value: number): string => `${(100 * value).toFixed(1)} %`;
        io.out(
          table([
            [SETS.banking77.title, `${known.size} of ${labels.length} intents known`],
            ["known texts, right answers without other", share(numbers.accuracy_alone)],
            ["known texts, right answers", share(numbers.accuracy)],
            ["unknown texts, answered other", share(numbers.found)],
            ["known against unknown, AUROC", numbers.auroc.toFixed(3)],
          ]),
        );
        io.out(`${ok ? "ok" : "FAILED"}: AUROC at least ${LEAST_AUROC}, at most 2 points lost`);
      }
      return ok ? 0 : 1;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

const labelOf = ({ labels: [label] }: Example): string => label ?? "";
const lineOf = (example: Example): string =>
  `${JSON.stringify({ text: example.text, label: labelOf(example) })}\n`;

interface Answered {
  readonly examples: readonly Example[];
  readonly logits: JudgedLogits;
}

/** The figures of known texts beside unknown ones. */
function compare(
  decoder: Decoder,
  examples: readonly Example[],
  logits: JudgedLogits,
  unknown: Answered,
) {
  const accuracy = shareRight(decoder, examples, logits);
  const alone = shareRight({ ...decoder, other: null }, examples, logits);
  const others = decide(decoder, unknown.examples, unknown.logits).predicted;
  return {
    accuracy,
    accuracy_alone: alone,
    lost: alone - accuracy,
    found: others.filter((label) => label === OTHER).length / others.length,
    auroc: auroc(oddsOf(decoder, logits), oddsOf(decoder, unknown.logits)),
  };
}

function shareRight(decoder: Decoder, examples: readonly Example[], logits: JudgedLogits): number {
  const { truth, predicted } = decide(decoder, examples, logits);
  return truth.filter((label, i) => label === predicted[i]).length / truth.length;
}

/** How much more likely the best label is than other, as a logarithm: the order by which a text is other. */
const oddsOf = (decoder: Decoder, logits: JudgedLogits): number[] =>
  logits.map(({ rows: [row] }) => {
    const scores = [...labelScores(row!, decoder, "softmax")];
    const other = scores.pop()!;
    return Math.log(Math.max(...scores)) - Math.log(other);
  });

/** Probability that a known text's value is above an unknown one's (Mann and Whitney's U, scaled). */
function auroc(known: readonly number[], unknown: readonly number[]): number {
  const sorted = unknown.toSorted((a, b) => a - b);
  const before = (isBefore: (other: number) => boolean): number => {
    const at = sorted.findIndex((other) => !isBefore(other));
    return at < 0 ? sorted.length : at;
  };
  // A tie is half a win.
  const wins = known.reduce(
    (sum, value) => sum + (before((x) => x < value) + before((x) => x <= value)) / 2,
    0,
  );
  return wins / (known.length * unknown.length);
}
