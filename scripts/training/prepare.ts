/**
 * From a task.json to everything a run needs, with each choice made once: data files found and
 * read, labels listed, rows split, method and hyperparameters settled.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { InputError } from "../../src/core/errors.ts";
import type { BaseManifest, Pooling, TaskType } from "../../src/core/manifest.ts";
import { formatOf, readDataFile } from "./data.ts";
import type { Dataset, Example } from "./data.ts";
import { labelsOf } from "./labels.ts";
import { derive, keyOf, permutation } from "./random.ts";
import type { Key } from "./random.ts";
import { EMPTY_SPEC, chooseHyperparameters, readTaskSpec } from "./task-spec.ts";
import type { DataFile, Hyperparameters, Method, TaskSpec } from "./task-spec.ts";

/** A task with every choice made and its data in memory. */
export interface PreparedTask {
  readonly type: TaskType;
  readonly method: Method;
  readonly labels: readonly string[];
  readonly numVirtualTokens: number;
  readonly pooling: Pooling;
  readonly maxLength: number;
  readonly hyperparameters: Hyperparameters;
  readonly seed: number;
  readonly train: readonly Example[];
  readonly evaluation: readonly Example[];
  /** Names of the evaluation files, or of the split that was made. */
  readonly evaluationName: string;
}

export interface PrepareOptions {
  /** Where relative data paths are looked for, in this order. */
  readonly folders: readonly string[];
  readonly strict: boolean;
  /** Receives one line about anything worth knowing that is no error. */
  readonly note: (line: string) => void;
}

/** The paper's prompts for classification are short; 16 was measured on SST-2 and banking77. */
const DEFAULT_VIRTUAL_TOKENS = 16;
/** Longest window in training and serving unless asked otherwise: time grows with it. */
const DEFAULT_MAX_LENGTH = 256;
/** Share of the rows kept for evaluation when there is no evaluation file, and its bound. */
const SPLIT_SHARE = 0.1;
const MAX_SPLIT_ROWS = 2_000;

/** Settles a task; throws InputError on what cannot be trained. */
export async function prepareTask(
  spec: TaskSpec,
  base: BaseManifest,
  options: PrepareOptions,
): Promise<PreparedTask> {
  const { note } = options;
  if (spec.problem_type !== undefined && spec.problem_type !== "single_label_classification") {
    throw new InputError(
      "training-unsupported",
      `problem_type "${spec.problem_type}": this release trains single_label_classification`,
    );
  }
  const seed = spec.seed ?? 0;
  const key = keyOf(seed);
  const type = spec.type ?? typeOf(spec.data.train);
  const trainFiles = await readFiles(spec.data.train, type, options);
  const evalFiles = await readFiles(spec.data.eval, type, options);
  let train: readonly Example[] = trainFiles.flatMap(({ examples }) => examples);
  let evaluation: readonly Example[] = evalFiles.flatMap(({ examples }) => examples);
  let evaluationName = evalFiles.map(({ name }) => name).join(", ");
  if (evalFiles.length === 0) {
    const split = splitRows(train, derive(key, "split"));
    ({ train, evaluation } = split);
    evaluationName = `${Math.round(SPLIT_SHARE * 100)} % of ${trainFiles.map(({ name }) => name).join(", ")}`;
    note(
      `no evaluation file: ${evaluation.length} of ${train.length + evaluation.length} rows are kept for it`,
    );
  } else {
    train = withoutDuplicates(train, evaluation, note);
  }
  if (spec.max_rows !== undefined && spec.max_rows < train.length) {
    const chosen = permutation(derive(key, "rows"), train.length).slice(0, spec.max_rows).sort();
    note(`training on ${spec.max_rows} of ${train.length} rows (--max-rows)`);
    train = [...chosen].map((i) => train[i]!);
  }

  const labels = spec.labels ?? labelsOf(train, type);
  if (labels.length < 2) {
    throw new InputError(
      "labels-too-few",
      `the training rows have ${labels.length} labels (${labels.join(", ")}), at least 2 are needed`,
    );
  }
  train = withKnownLabels(train, labels, type, note);
  const method = spec.method ?? "prefix";
  const pooling = type === "token" ? "none" : (spec.pooling ?? "mean");
  if (pooling === "pooler" && base.pooler === null) {
    throw new InputError(
      "pooling-unavailable",
      `pooling "pooler": base "${base.name}" has no pooler; allowed are cls and mean`,
    );
  }
  const maxLength = spec.max_length ?? Math.min(DEFAULT_MAX_LENGTH, base.max_length);
  if (maxLength > base.max_length) {
    throw new InputError(
      "max-length-invalid",
      `max_length ${maxLength}: base "${base.name}" reads at most ${base.max_length} tokens`,
    );
  }
  return {
    type,
    method,
    labels,
    numVirtualTokens: method === "prefix" ? (spec.num_virtual_tokens ?? DEFAULT_VIRTUAL_TOKENS) : 0,
    pooling,
    maxLength,
    hyperparameters: chooseHyperparameters(method, train.length, spec.hyperparameters),
    seed,
    train,
    evaluation,
    evaluationName,
  };
}

/** Words with tags make a token task; everything else has one label a row. */
function typeOf(files: readonly DataFile[]): TaskType {
  const [first] = files;
  if (!first) throw new InputError("data-missing", "no training data: name a file with --data");
  const format = first.format ?? formatOf(first.path);
  return format === "conll" || format === "parallel" ? "token" : "sequence";
}

async function readFiles(
  files: readonly DataFile[],
  type: TaskType,
  { folders, strict, note }: PrepareOptions,
): Promise<Dataset[]> {
  const datasets: Dataset[] = [];
  for (const { path, ...options } of files) {
    const found = findFile(path, folders);
    const data = await readDataFile(found, { ...options, type, strict });
    for (const { line, what } of data.problems) note(`${found}:${line}: ${what}`);
    if (data.badRows > 0) {
      note(`${found}: ${data.badRows} bad rows left out, ${data.examples.length} rows read`);
    }
    datasets.push(data);
  }
  return datasets;
}

/** The files that `eval` measures on: those given, else the evaluation files of the folder's task.json. */
export async function readTaskDataFiles(
  dir: string,
  {
    files,
    dataDir,
    type,
    ...options
  }: {
    files: readonly DataFile[] | undefined;
    dataDir: string | undefined;
    type: TaskType;
  } & Omit<PrepareOptions, "folders">,
): Promise<Dataset[]> {
  if (files !== undefined) return readFiles(files, type, { ...options, folders: ["."] });
  const path = join(dir, "task.json");
  const spec = existsSync(path) ? readTaskSpec(await readFile(path), path) : EMPTY_SPEC;
  if (spec.data.eval.length === 0) {
    throw new InputError(
      "data-missing",
      `${path}: names no evaluation data; name a file with --data`,
    );
  }
  const folders = [...(dataDir === undefined ? [] : [dataDir]), dir];
  return readFiles(spec.data.eval, type, { ...options, folders });
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

const keyOfText = ({ text, pair }: Example): string => `${text}\u0000${pair ?? ""}`;

/** Keeps a random share of the texts for evaluation; equal texts stay on one side. */
export function splitRows(
  examples: readonly Example[],
  key: Key,
): { train: Example[]; evaluation: Example[] } {
  const groups = [...Map.groupBy(examples, keyOfText).values()];
  const wanted = Math.min(MAX_SPLIT_ROWS, Math.max(1, Math.round(examples.length * SPLIT_SHARE)));
  const chosen = new Set<readonly Example[]>();
  let rows = 0;
  for (const i of permutation(key, groups.length)) {
    if (rows >= wanted || chosen.size === groups.length - 1) break;
    chosen.add(groups[i]!);
    rows += groups[i]!.length;
  }
  return {
    train: groups.filter((group) => !chosen.has(group)).flat(),
    evaluation: groups.filter((group) => chosen.has(group)).flat(),
  };
}

/** Training rows whose text is also an evaluation text would flatter the result. */
function withoutDuplicates(
  train: readonly Example[],
  evaluation: readonly Example[],
  note: (line: string) => void,
): readonly Example[] {
  const texts = new Set(evaluation.map(keyOfText));
  const kept = train.filter((example) => !texts.has(keyOfText(example)));
  if (kept.length < train.length) {
    note(`${train.length - kept.length} training rows left out: their texts are evaluation texts`);
  }
  return kept;
}

function withKnownLabels(
  train: readonly Example[],
  labels: readonly string[],
  type: TaskType,
  note: (line: string) => void,
): readonly Example[] {
  const known = new Set(labels);
  const kept = train.filter(
    (example) => type === "token" || example.labels.every((label) => known.has(label)),
  );
  if (kept.length < train.length) {
    note(`${train.length - kept.length} training rows left out: their label is not in the list`);
  }
  if (kept.length > 0) return kept;
  throw new InputError("data-empty", "no training rows are left; do labels and data agree?");
}
