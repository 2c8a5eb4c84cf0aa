/**
 * From a task.json to everything a run needs, with each choice made once: data files found and
 * read, labels listed, rows split, method and hyperparameters settled.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { InputError } from "../../src/core/errors.ts";
import type { BaseManifest, Pooling, ProblemType, TaskType } from "../../src/core/manifest.ts";
import type { Tokenizer } from "../../src/core/tokenizer.ts";
import { balanceOf, duplicatesWithin, histogramOf, tokenCounts } from "./data-summary.ts";
import type { DataSummary } from "./data-summary.ts";
import { formatOf, isNumber, readDataFile } from "./data.ts";
import type { Dataset, Example } from "./data.ts";
import { chooseSettings } from "./defaults.ts";
import { labelsOf, problemTypeOf } from "./labels.ts";
import type { Method } from "./methods.ts";
import { readPretrained, startingFrom } from "./pretrained.ts";
import type { PretrainedPrefix } from "./pretrained.ts";
import { derive, keyOf } from "./random.ts";
import { SPLIT_SHARE, someRows, splitRows, withoutTextsOf } from "./split.ts";
import { EMPTY_SPEC, readTaskSpec } from "./task-spec.ts";
import type { Hyperparameters } from "./hyperparameters.ts";
import type { DataFile, TaskSpec } from "./task-spec.ts";
import { chooseTrainGraph } from "./train-graph.ts";
import type { TrainGraph } from "./train-graph.ts";

/** An evaluation file as task.json names it, and the rows that are taken of it. */
export interface FileRows {
  readonly name: string;
  readonly rows: number;
}

/** A task with every choice made and its data in memory. */
export interface PreparedTask {
  readonly type: TaskType;
  readonly problemType: ProblemType;
  readonly method: Method;
  /** What virtual tokens and deltas start from; null: from random numbers. */
  readonly init: PretrainedPrefix | null;
  readonly labels: readonly string[];
  readonly numVirtualTokens: number;
  readonly pooling: Pooling;
  readonly maxLength: number;
  readonly hyperparameters: Hyperparameters;
  readonly trainGraph: TrainGraph;
  readonly seed: number;
  readonly train: readonly Example[];
  readonly evaluation: readonly Example[];
  /** Names of the evaluation files, or of the split that was made. */
  readonly evaluationName: string;
  /** The evaluation files with their rows, in the order of `evaluation`; empty for a split. */
  readonly evaluationFiles: readonly FileRows[];
  /** What the data looks like; a run does not depend on it. */
  readonly summary: DataSummary;
  /** Why a setting that nobody asked for is what it is; a run does not depend on it. */
  readonly reasons: Readonly<Record<string, string>>;
}

export interface PrepareOptions {
  /** Where relative data paths are looked for, in this order. */
  readonly folders: readonly string[];
  readonly strict: boolean;
  /** Receives one line about anything worth knowing that is no error. */
  readonly note: (line: string) => void;
}

/** The one label of a task that answers with a number. */
const NUMBER_LABELS = ["score"];

/** Settles a task; throws InputError on what cannot be trained. */
export async function prepareTask(
  given: TaskSpec,
  base: BaseManifest,
  tokenizer: Tokenizer,
  options: PrepareOptions,
): Promise<PreparedTask> {
  const { note } = options;
  const init =
    given.init === undefined
      ? null
      : await readPretrained(findFile(given.init, options.folders), base);
  const spec = init ? startingFrom(given, init) : given;
  const seed = spec.seed ?? 0;
  const type = spec.type ?? typeOf(spec.data.train);
  const isNumeric = spec.problem_type === "regression";
  const read = (files: readonly DataFile[]) => readFiles(files, { type, isNumeric }, options);
  const files = { train: await read(spec.data.train), eval: await read(spec.data.eval) };
  const { train, evaluation, evaluationName, inEvaluation } = divide(files, spec, note);

  const problemType = spec.problem_type ?? problemTypeOf(train, type);
  checkProblemType(problemType, type, train);
  const labels =
    spec.labels ?? (problemType === "regression" ? NUMBER_LABELS : labelsOf(train, type));
  checkLabels(labels, problemType);
  const usable = withUsableLabels(train, labels, { type, problemType }, note);
  const method = spec.method ?? "prefix";
  const pooling = type === "token" ? "none" : (spec.pooling ?? "mean");
  if (pooling === "pooler" && base.pooler === null) {
    throw new InputError(
      "pooling-unavailable",
      `pooling "pooler": base "${base.name}" has no pooler; allowed are cls and mean`,
    );
  }
  const lengths = tokenCounts(usable, tokenizer);
  const shape = {
    type,
    rows: usable.length,
    evaluationRows: evaluation.length,
    lengths,
    baseMaxLength: base.max_length,
  };
  const settings = chooseSettings(method, shape, spec);
  const { maxLength } = settings;
  const { trainGraph, reason } = chooseTrainGraph(spec.train_graph, method, base);
  const reasons = { ...settings.reasons, ...(reason && { train_graph: reason }) };
  if (maxLength > base.max_length) {
    throw new InputError(
      "max-length-invalid",
      `max_length ${maxLength}: base "${base.name}" reads at most ${base.max_length} tokens`,
    );
  }
  const factsOf = (use: "train" | "eval") =>
    files[use].map(({ name, examples, badRows }) => ({
      name,
      use,
      rows: examples.length,
      badRows,
    }));
  return {
    type,
    problemType,
    method,
    init,
    labels,
    pooling,
    ...settings,
    trainGraph,
    reasons,
    seed,
    train: usable,
    evaluation,
    evaluationName,
    evaluationFiles: spec.data.eval.map(({ path }, i) => {
      const { name, examples } = files.eval[i]!;
      return { name: isInside(path) ? path : name, rows: examples.length };
    }),
    summary: {
      files: [...factsOf("train"), ...factsOf("eval")],
      balance: balanceOf(usable, evaluation, { type, problemType }),
      lengths: {
        train: histogramOf(lengths),
        eval: histogramOf(tokenCounts(evaluation, tokenizer)),
      },
      cutShare: lengths.filter((length) => length > maxLength).length / lengths.length,
      duplicates: { inEvaluation, ...duplicatesWithin(usable) },
    },
  };
}

/** Training and evaluation rows without a text on both sides, at most `max_rows` to train on. */
function divide(
  files: { readonly train: readonly Dataset[]; readonly eval: readonly Dataset[] },
  spec: TaskSpec,
  note: (line: string) => void,
): {
  train: readonly Example[];
  evaluation: readonly Example[];
  evaluationName: string;
  inEvaluation: number;
} {
  const key = keyOf(spec.seed ?? 0);
  const all = files.train.flatMap(({ examples }) => examples);
  const names = (datasets: readonly Dataset[]) => datasets.map(({ name }) => name).join(", ");
  const isSplit = files.eval.length === 0;
  const given = files.eval.flatMap(({ examples }) => examples);
  const { train: rest, evaluation } = isSplit
    ? splitRows(all, derive(key, "split"))
    : { train: withoutTextsOf(all, given), evaluation: given };
  const evaluationName = isSplit
    ? `${Math.round(SPLIT_SHARE * 100)} % of ${names(files.train)}`
    : names(files.eval);
  const inEvaluation = isSplit ? 0 : all.length - rest.length;
  if (rest.length === 0) {
    throw new InputError(
      "data-empty",
      `no training rows are left: all ${all.length} texts are evaluation texts, too`,
    );
  }
  if (spec.max_rows === undefined || spec.max_rows >= rest.length) {
    return { train: rest, evaluation, evaluationName, inEvaluation };
  }
  note(`training on ${spec.max_rows} of ${rest.length} rows (--max-rows)`);
  const train = someRows(rest, spec.max_rows, derive(key, "rows"));
  return { train, evaluation, evaluationName, inEvaluation };
}

function checkProblemType(
  problemType: ProblemType,
  type: TaskType,
  train: readonly Example[],
): void {
  if (type === "token" && problemType !== "single_label_classification") {
    throw new InputError(
      "training-unsupported",
      `problem_type "${problemType}": a token task is trained with single_label_classification`,
    );
  }
  const several = train.find(({ labels }) => labels.length !== 1);
  if (type === "sequence" && problemType === "single_label_classification" && several) {
    throw new InputError(
      "training-unsupported",
      `problem_type "${problemType}": a row has ${several.labels.length} labels (${several.labels.join(", ")}); leave it out, or say multi_label_classification`,
    );
  }
}

function checkLabels(labels: readonly string[], problemType: ProblemType): void {
  const [needed, most] = {
    single_label_classification: [2, Infinity],
    multi_label_classification: [1, Infinity],
    regression: [1, 1],
  }[problemType] as [number, number];
  if (labels.length < needed) {
    throw new InputError(
      "labels-too-few",
      `the training rows have ${labels.length} labels (${labels.join(", ")}), at least ${needed} are needed`,
    );
  }
  if (labels.length > most) {
    throw new InputError(
      "labels-too-many",
      `"labels" names ${labels.length}; a number that is answered has one name`,
    );
  }
}

/** Words with tags make a token task; everything else has one label a row. */
function typeOf(files: readonly DataFile[]): TaskType {
  const [first] = files;
  if (!first) throw new InputError("data-missing", "no training data: name a file with --data");
  const format = first.format ?? formatOf(first.path);
  return format === "conll" || format === "parallel" ? "token" : "sequence";
}

/** Bad rows shown one by one: enough to see what is wrong, few enough to see the rest. */
const MAX_SHOWN = 5;

async function readFiles(
  files: readonly DataFile[],
  kind: { readonly type: TaskType; readonly isNumeric: boolean },
  { folders, strict, note }: PrepareOptions,
): Promise<Dataset[]> {
  const datasets: Dataset[] = [];
  for (const { path, maxRows = Infinity, ...options } of files) {
    const found = findFile(path, folders);
    const data = await readDataFile(found, { ...options, ...kind, strict });
    const { problems, badRows, examples } = data;
    for (const { line, what } of problems.slice(0, MAX_SHOWN)) note(`${found}:${line}: ${what}`);
    if (badRows > 0) {
      const more = badRows > MAX_SHOWN ? ` (the first ${MAX_SHOWN} are shown)` : "";
      note(`${found}: ${badRows} bad rows left out${more}, ${examples.length} rows read`);
    }
    const isTooMany = examples.length > maxRows;
    // By the path alone: runs with different seeds must not be measured on different rows.
    const key = derive(keyOf(0), "file", path);
    datasets.push(isTooMany ? { ...data, examples: someRows(examples, maxRows, key) } : data);
  }
  return datasets;
}

/** Whether a path says nothing of the folders above those that data is looked for in. */
const isInside = (path: string): boolean => !isAbsolute(path) && !path.startsWith("..");

/** The files that `eval` measures on: those given, else the evaluation files of the folder's task.json. */
export async function readTaskDataFiles(
  dir: string,
  {
    files,
    dataDir,
    type,
    isNumeric = false,
    ...options
  }: {
    files: readonly DataFile[] | undefined;
    dataDir: string | undefined;
    type: TaskType;
    isNumeric?: boolean;
  } & Omit<PrepareOptions, "folders">,
): Promise<Dataset[]> {
  const kind = { type, isNumeric };
  if (files !== undefined) return readFiles(files, kind, { ...options, folders: ["."] });
  const path = join(dir, "task.json");
  const spec = existsSync(path) ? readTaskSpec(await readFile(path), path) : EMPTY_SPEC;
  if (spec.data.eval.length === 0) {
    throw new InputError(
      "data-missing",
      `${path}: names no evaluation data; name a file with --data`,
    );
  }
  const folders = [...(dataDir === undefined ? [] : [dataDir]), dir];
  return readFiles(spec.data.eval, kind, { ...options, folders });
}

/** The first folder that holds the file; an absolute path stands for itself. */
export function findFile(path: string, folders: readonly string[]): string {
  if (isAbsolute(path)) return path;
  const candidates = folders.map((folder) => join(folder, path));
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found !== undefined) return found;
  throw new InputError(
    "data-unreadable",
    `${path}: not found, looked for ${candidates.map((candidate) => resolve(candidate)).join(" and ")}; --data-dir names another folder`,
  );
}

/** Rows whose labels are in the list, or are numbers where numbers are learned. */
function withUsableLabels(
  train: readonly Example[],
  labels: readonly string[],
  { type, problemType }: { readonly type: TaskType; readonly problemType: ProblemType },
  note: (line: string) => void,
): readonly Example[] {
  if (type === "token") return train;
  const known = new Set(labels);
  const isUsable = (label: string): boolean =>
    problemType === "regression" ? isNumber(label) : known.has(label);
  const kept = train.filter((example) => example.labels.every(isUsable));
  if (kept.length < train.length) {
    note(`${train.length - kept.length} training rows left out: their label is not in the list`);
  }
  if (kept.length > 0) return kept;
  throw new InputError("data-empty", "no training rows are left; do labels and data agree?");
}
