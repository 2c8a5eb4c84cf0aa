/**
 * How good are labels that only a request names? Texts of public data sets are answered by the base's
 * own vectors, as POST /v1/zero-shot and a task of the verb `label` answer them, and counted; beside it
 * the same with the embeddings of the bare names alone. Nothing is chosen on the rows that are counted:
 * template and scale are those that serve.
 */
import { join } from "node:path";
import { createServing } from "../src/serve/serving.ts";
import { DEFAULT_TEMPLATE, scoreLabels, sentenceOf } from "../src/core/model/zero-shot.ts";
import { openBaseFolder } from "../scripts/base/open-base.ts";
import { BUNDLED_BASE, baseFolder } from "../scripts/base/names.ts";
import { defineCommand, readInteger, required } from "../scripts/cli/command.ts";
import { readDataFile } from "../scripts/runs/task/data-files.ts";
import { writeWhole } from "../scripts/node/files.ts";
import { sha256 } from "../scripts/node/hash.ts";
import type { DataOptions, Example } from "../src/learn/data/read.ts";
import { EVALUATION_BATCH, assess, evaluationLogits } from "../src/learn/measure/evaluate.ts";
import { packNamedTask } from "../src/learn/task/named-task.ts";
import type { LoadedBase } from "../src/engine/engine.ts";
import type { Predictor } from "../src/serve/predictor.ts";
import { spaced } from "./ladder/sets.ts";
import { provenance } from "./provenance.ts";
import { table } from "./stats.ts";

interface DataSet {
  readonly name: string;
  readonly file: string;
  readonly options: DataOptions;
  /** What a label is called in a request. */
  readonly say: (label: string) => string;
}

const AG_NEWS: Readonly<Record<string, string>> = {
  "1": "world politics",
  "2": "sports",
  "3": "business",
  "4": "science and technology",
};

const SETS: readonly DataSet[] = [
  {
    name: "AG News",
    file: "agnews/ag_test.csv",
    options: { textColumn: "Title", pairColumn: "Description", labelColumn: "Class Index" },
    say: (label) => AG_NEWS[label] ?? label,
  },
  {
    name: "banking77",
    file: "banking77/test.csv",
    options: { labelColumn: "category" },
    say: spaced,
  },
];

export const bench = defineCommand({
  summary: "how often zero-shot labels are right on AG News and banking77",
  usage: "--data DIR [--base DIR] [--rows N]",
  example: "npx edge-prefix bench zero-shot --data data --base models/pocket",
  options: {
    data: { type: "string", value: "DIR", hint: "folder of the data sets, one folder each" },
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "base folder" },
    rows: { type: "string", value: "N", default: "1000", hint: "rows of each set, evenly taken" },
    result: { type: "string", value: "F", hint: "also write the numbers here" },
  },
  async run({ values, io }) {
    const data = required(values.data, "--data");
    const maxRows = readInteger(values.rows, "--rows", { min: 1 })!;
    const base = await openBaseFolder(baseFolder(values.base), "serving");
    const results = [];
    for (const set of SETS) {
      io.signal.throwIfAborted();
      results.push(await measure(base, set, join(data, set.file), maxRows, io.signal));
    }
    await base.encoder.release();
    const about = { base: base.manifest.name, template: DEFAULT_TEMPLATE, results };
    const result = { bench: "zero-shot", ...(await provenance()), ...about };
    if (values.result !== undefined) {
      await writeWhole(values.result, `${JSON.stringify(result, null, 2)}\n`);
    }
    if (io.json) io.out(JSON.stringify(result));
    else {
      const percent = (share: number): string => (100 * share).toFixed(1);
      const rows = results.map((set) => [
        set.name,
        String(set.labels),
        String(set.rows),
        percent(set.label),
        percent(set.zero_shot),
        percent(set.names_alone),
        percent(set.by_chance),
      ]);
      const header = [
        "data",
        "labels",
        "rows",
        "label, %",
        "zero-shot, %",
        "names alone, %",
        "by chance, %",
      ];
      io.out(table([header, ...rows]));
    }
    return 0;
  },
});

async function measure(
  base: LoadedBase,
  { name, options, say }: DataSet,
  path: string,
  maxRows: number,
  signal: AbortSignal,
) {
  const { examples } = await readDataFile(path, options);
  const step = Math.max(1, examples.length / maxRows);
  const rows = Array.from(
    { length: Math.min(maxRows, examples.length) },
    (_, i) => examples[Math.floor(i * step)]!,
  );
  const labels = [...new Set(examples.flatMap(({ labels: own }) => own))].sort();
  const predictor = predictorOf(base);
  const embed = async (texts: readonly string[]): Promise<Float32Array[]> => {
    const vectors: Float32Array[] = [];
    for await (const outcome of predictor.embed(base, texts, {}, { signal })) {
      if ("error" in outcome) throw outcome.error;
      if ("result" in outcome) vectors.push(outcome.result);
    }
    return vectors;
  };
  const texts = await embed(examplesOf(rows).map(({ text }) => text));
  const accuracyOf = async (names: readonly string[]): Promise<number> => {
    const vectors = await embed(names);
    const right = texts.filter((vector, i) => {
      const scores = scoreLabels(vector, vectors);
      return labels[scores.indexOf(Math.max(...scores))] === rows[i]!.labels[0];
    });
    return right.length / rows.length;
  };
  return {
    name,
    labels: labels.length,
    rows: rows.length,
    label: await labelAccuracy(base, { labels, say }, examplesOf(rows), signal),
    zero_shot: await accuracyOf(labels.map((label) => sentenceOf(say(label)))),
    names_alone: await accuracyOf(labels.map(say)),
    by_chance: 1 / labels.length,
  };
}

/** Rows with title and description as one text. */
const examplesOf = (rows: readonly Example[]): Example[] =>
  rows.map(({ text, pair, labels }) => {
    return { text: pair === undefined ? text : `${text}. ${pair}`, labels, words: [] };
  });

/** How often the task is right that the verb `label` makes of the names. */
async function labelAccuracy(
  base: LoadedBase,
  { labels: found, say }: Pick<DataSet, "say"> & { readonly labels: readonly string[] },
  rows: readonly Example[],
  signal: AbortSignal,
): Promise<number> {
  const labels = found.map(say);
  const named = { name: "names", labels, isMultiLabel: false, created: new Date() };
  const { task } = await packNamedTask(base, named, sha256);
  const examples = rows.map((row) => ({ ...row, labels: row.labels.map(say) }));
  const options = { batchSize: EVALUATION_BATCH, signal };
  const logits = await evaluationLogits(base, task, examples, options);
  return assess(task.manifest, examples, logits).score.value;
}

/** The parts that serve, without their limits; the base is opened already. */
function predictorOf(base: LoadedBase): Predictor {
  const never = () => Promise.reject(new TypeError("zero-shot: there is no bucket"));
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  return createServing(
    {
      base: base.manifest.name,
      predictor: { deadlineMs: Infinity, maxWindows: 4_096 },
      scheduler: { maxBatchTokens: 1_024, maxQueuedTokens: Infinity },
      admission: { microsPerToken: 300, requestCpuMs: Infinity, maxHeapBytes: Infinity },
      tasks: { cacheBytes: 0, freshMs: Infinity, maxLagMs: Infinity, maxStaleMs: Infinity },
    },
    {
      bucket: { get: never, stream: never, list: never },
      clock: { now: () => performance.now(), wait },
      sha256: never,
      startSha256: () => {
        throw new TypeError("zero-shot: nothing is hashed");
      },
      engine: { prepare: never },
    },
    { get: async () => base, ready: base, status: { state: "ready", detail: "" } },
  ).predictor;
}
