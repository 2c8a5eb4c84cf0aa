/**
 * What `train` is asked for: the options, and the task.json that they and the folder or data file
 * amount to.
 */
import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { checkName, isName } from "../../src/core/format/keys.ts";
import { PROBLEM_TYPES } from "../../src/core/model/task.ts";
import { readLabelNames } from "../../src/learn/data/labels.ts";
import { METHODS, OBJECTIVES } from "../../src/learn/methods.ts";
import { REPORT_LEVELS } from "../../src/learn/task/spec.ts";
import { TRAIN_GRAPHS } from "../../src/learn/graph/choice.ts";
import { EMPTY_SPEC, readTaskSpec } from "../../src/learn/task/spec.ts";
import type { Hyperparameters } from "../../src/learn/methods.ts";
import type { DataFile, DataSpec, TaskSpec, TeacherSpec } from "../../src/learn/task/spec.ts";
import { pathSeenFrom } from "../runs/out-folder.ts";
import { settledInit } from "../runs/task/start-folder.ts";
import { UsageError, readChoice, readInteger, readNumber } from "./command.ts";
import type { Options, ValuesOf } from "./command.ts";
import { DATA_OPTIONS, readDataOptions } from "./data-options.ts";

const TASK_JSON = "task.json";

export const TRAIN_OPTIONS = {
  data: {
    type: "string",
    value: "F",
    multiple: true,
    hint: "training data; may stand for DATA_FILE",
  },
  eval: {
    type: "string",
    value: "F",
    multiple: true,
    hint: "evaluation data (default: a tenth of the rows, 2,000 at most)",
  },
  sign: {
    type: "string",
    value: "KEY",
    hint: "sign the trained folder with this private key, made by key --signing",
  },
  "data-dir": {
    type: "string",
    value: "DIR",
    hint: "where the paths of task.json are looked for first",
  },
  base: {
    type: "string",
    value: "DIR",
    hint: "base folder (default: the one task.json names, or models/pocket)",
  },
  out: {
    type: "string",
    short: "o",
    value: "DIR",
    hint: "task folder to write (default TASK_DIR, or prefixes/<file>)",
  },
  name: { type: "string", value: "NAME", hint: "name of the task (default: its folder's)" },
  type: {
    type: "string",
    value: "sequence|token",
    hint: "one label a text, or one a word (default: by the format)",
  },
  "problem-type": {
    type: "string",
    value: "NAME",
    hint: `${PROBLEM_TYPES.join(", ")} (default: by the labels)`,
  },
  method: {
    type: "string",
    value: METHODS.join("|"),
    hint: "what is trained with the head (prefix; prefix-bias for tags; bias where rows are few)",
  },
  objective: {
    type: "string",
    value: OBJECTIVES.join("|"),
    hint: "what the loss looks at: the head's answers, or which rows lie together; the head is then fitted (by the rows)",
  },
  init: {
    type: "string",
    value: "DIR|NAME",
    hint: "pretrained prefix to start from: a folder that `pretrain` wrote, or a name such as pairs, for questions about two texts (default: random numbers)",
  },
  "skip-start-score": {
    type: "boolean",
    hint: "do not measure what --init knows of the task: a head alone with and without it",
  },
  teacher: {
    type: "string",
    value: "DIR",
    hint: "task or fine-tuned checkpoint whose answers are learned beside the labels",
  },
  "teacher-base": {
    type: "string",
    value: "DIR",
    hint: "base folder of the teacher (default: the task's own, or the one of its name)",
  },
  "teacher-share": {
    type: "string",
    value: "X",
    hint: "the teacher's part in the loss of a labelled row (0.5)",
  },
  "teacher-temperature": {
    type: "string",
    value: "T",
    hint: "how soft the teacher's answers are made (1)",
  },
  unlabelled: {
    type: "string",
    value: "F",
    multiple: true,
    hint: "texts that the teacher alone answers: .txt with a text a line, csv, tsv, jsonl",
  },
  pooling: {
    type: "string",
    value: "pooler|cls|mean",
    hint: "what the head reads of a text (as the base's checkpoint says, else mean)",
  },
  "num-virtual-tokens": {
    type: "string",
    value: "P",
    hint: "length of the prefix (16, or 32 for tags)",
  },
  "max-length": {
    type: "string",
    value: "N",
    hint: "longest window in tokens (by the texts: 128 to 256)",
  },
  "max-rows": { type: "string", value: "N", hint: "train on a random choice of N rows" },
  "plain-head": {
    type: "boolean",
    hint: "choose each tag alone and by hidden states only, as transformers does",
  },
  other: {
    type: "string",
    value: "NAME",
    hint: "answer NAME to texts that fit no label (default: each text gets one)",
  },
  "label-all-tokens": { type: "boolean", hint: "also label the later pieces of a word, as I-" },
  lr: { type: "string", value: "X", hint: "peak learning rate (0.01; linear 0.005; bias 0.003)" },
  epochs: { type: "string", value: "N", hint: "passes over the data (by its size: 30 to 4)" },
  steps: { type: "string", value: "N", hint: "one epoch of so many steps (20 where rows are few)" },
  "batch-size": {
    type: "string",
    value: "B",
    hint: "rows a step (by the size of the data: 8 to 32)",
  },
  "weight-decay": { type: "string", value: "X", hint: "decoupled weight decay (0.01)" },
  "warmup-ratio": {
    type: "string",
    value: "X",
    hint: "share of the steps in which the rate rises (0.06)",
  },
  "prefix-dropout": {
    type: "string",
    value: "X",
    hint: "share of virtual tokens left out in a step (0)",
  },
  "max-grad-norm": {
    type: "string",
    value: "X",
    hint: "gradients are scaled down to this norm (1)",
  },
  patience: {
    type: "string",
    value: "N",
    hint: "stop after N epochs without a better score; 0: never (by the number of epochs)",
  },
  average: {
    type: "string",
    value: "N",
    hint: "make N such runs from one start and average their parameters (1)",
  },
  "train-graph": {
    type: "string",
    value: TRAIN_GRAPHS.join("|"),
    hint: "how rows of activations are rounded: as our kernels do, as onnxruntime-web does, or not (as what serves the base)",
  },
  threads: { type: "string", value: "N", hint: "threads of training (one a core)" },
  seed: { type: "string", value: "S", hint: "same seed, same prefix (0)" },
  report: {
    type: "string",
    value: REPORT_LEVELS.join("|"),
    hint: "report.html: none, numbers only, or also texts of the data: the hardest, and those to look at (full)",
  },
  resume: { type: "boolean", hint: "go on where an interrupted run was saved" },
  overwrite: {
    type: "boolean",
    hint: "replace what stands in the way: an unfinished run, or a result of another kind",
  },
  ...DATA_OPTIONS,
} as const satisfies Options;

export type TrainValues = ValuesOf<typeof TRAIN_OPTIONS>;

/** What is to be trained and where to. */
export interface TrainRequest {
  readonly spec: TaskSpec;
  readonly out: string;
  readonly name: string;
  /** The spec is not the one of the task.json in `out`. */
  readonly isSourceChanged: boolean;
}

/** task.json with the command line on top. */
export async function readRequest(
  values: TrainValues,
  positionals: readonly string[],
): Promise<TrainRequest> {
  const [subject, ...more] = positionals;
  if (more.length > 0) throw new UsageError("expected one TASK_DIR or DATA_FILE");
  const isFolder = subject !== undefined && isTaskFolder(subject);
  const files = [...(subject !== undefined && !isFolder ? [subject] : []), ...(values.data ?? [])];
  if (!isFolder && files.length === 0) {
    throw new UsageError("TASK_DIR or DATA_FILE is missing");
  }
  const first = files[0] ?? "task";
  const out = values.out ?? (isFolder ? subject : join("prefixes", nameFrom(first)));
  const source = isFolder ? await readSource(subject) : await writtenByHand(out);
  const name = checkName("task", values.name ?? source.name ?? nameFrom(resolve(out)));
  const spec = override(source, values, files);
  const isSame = isFolder && resolve(out) === resolve(subject) && spec === source;
  return { spec, out, name, isSourceChanged: !isSame };
}

const readSource = async (dir: string): Promise<TaskSpec> =>
  readTaskSpec(await readFile(join(dir, TASK_JSON)), join(dir, TASK_JSON));

/** What a person added to the task.json of an earlier run, which the next run must not lose. */
async function writtenByHand(out: string): Promise<TaskSpec> {
  if (!existsSync(join(out, TASK_JSON))) return EMPTY_SPEC;
  const { description, examples, report, data } = await readSource(out);
  const { source, licence, language } = data;
  const origin = { ...EMPTY_SPEC.data, source, licence, language };
  return { ...EMPTY_SPEC, description, examples, report, data: origin };
}

/** Whether a path is a task folder; throws UsageError for a folder that is none. */
export const isTaskFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true &&
  (existsSync(join(path, TASK_JSON)) ||
    fail(`${path}: is a folder without a ${TASK_JSON}; name a data file, or write one`));

function fail(message: string): never {
  throw new UsageError(message);
}

/** A valid task name from a path: `data/My Tickets.csv.gz` -> `my-tickets`. */
function nameFrom(path: string): string {
  const stem = basename(path).replace(
    /(\.(csv|tsv|jsonl|ndjson|conll|bio|iob|txt|in))?(\.gz)?$/i,
    "",
  );
  const name = stem
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, "");
  return isName(name) ? name : "task";
}

/** task.json with the command line on top; the very same object when nothing was said. */
function override(spec: TaskSpec, values: TrainValues, files: readonly string[]): TaskSpec {
  const options = readDataOptions(values);
  const asFile = (path: string): DataFile => ({ ...options, path: resolve(path) });
  const evalFiles = values.eval?.map(asFile);
  const { textColumn, pairColumn } = options;
  const columns = { ...(textColumn && { textColumn }), ...(pairColumn && { pairColumn }) };
  const unlabelled = values.unlabelled?.map((path) => ({ ...columns, path: resolve(path) }));
  const names = values["label-names"];
  const numeric = { min: 0, max: 10 };
  const hyperparameters: { [K in keyof Hyperparameters]: number | undefined } = {
    learning_rate: readNumber(values.lr, "--lr", { min: 1e-8, max: 10 }),
    epochs: readInteger(values.epochs, "--epochs", { min: 1, max: 10_000 }),
    steps: readInteger(values.steps, "--steps", { min: 1, max: 1_000_000 }),
    batch_size: readInteger(values["batch-size"], "--batch-size", { min: 1, max: 4096 }),
    weight_decay: readNumber(values["weight-decay"], "--weight-decay", numeric),
    warmup_ratio: readNumber(values["warmup-ratio"], "--warmup-ratio", { min: 0, max: 1 }),
    prefix_dropout: readNumber(values["prefix-dropout"], "--prefix-dropout", { min: 0, max: 0.9 }),
    patience: readInteger(values.patience, "--patience", { min: 0, max: 10_000 }),
    average: readInteger(values.average, "--average", { min: 1, max: 100 }),
    max_grad_norm: readNumber(values["max-grad-norm"], "--max-grad-norm", { min: 1e-6, max: 1e6 }),
  };
  const given = {
    type: readChoice(values.type, "--type", ["sequence", "token"]),
    problem_type: readChoice(values["problem-type"], "--problem-type", PROBLEM_TYPES),
    method: readChoice(values.method, "--method", METHODS),
    objective: readChoice(values.objective, "--objective", OBJECTIVES),
    init: values.init === undefined ? undefined : settledInit(values.init),
    teacher: readTeacher(spec, values),
    pooling: readChoice(values.pooling, "--pooling", ["pooler", "cls", "mean"]),
    num_virtual_tokens: readInteger(values["num-virtual-tokens"], "--num-virtual-tokens", {
      min: 1,
      max: 1024,
    }),
    max_length: readInteger(values["max-length"], "--max-length", { min: 3, max: 65_536 }),
    max_rows: readInteger(values["max-rows"], "--max-rows", { min: 1 }),
    seed: readInteger(values.seed, "--seed", { min: 0 }),
    other: values.other,
    label_all_tokens: values["label-all-tokens"],
    plain_head: values["plain-head"],
    train_graph: readChoice(values["train-graph"], "--train-graph", TRAIN_GRAPHS),
    report: readChoice(values.report, "--report", REPORT_LEVELS),
    labels: names !== undefined && !names.includes("=") ? readLabelNames(names).labels : undefined,
    ...(Object.values(hyperparameters).some((value) => value !== undefined) && {
      hyperparameters: { ...spec.hyperparameters, ...defined(hyperparameters) },
    }),
    ...((files.length > 0 || evalFiles || unlabelled) && {
      data: {
        ...spec.data,
        ...(unlabelled && { unlabelled }),
        ...(files.length > 0 && { train: files.map(asFile) }),
        ...(evalFiles && { eval: evalFiles }),
      },
    }),
  };
  const changes = defined(given);
  return Object.keys(changes).length === 0 ? spec : { ...spec, ...changes };
}

/** The teacher of task.json with the command line on top; undefined when nothing was said. */
function readTeacher({ teacher }: TaskSpec, values: TrainValues): TeacherSpec | undefined {
  const base = values["teacher-base"];
  const given = defined({
    path: values.teacher === undefined ? undefined : resolve(values.teacher),
    base: base !== undefined && existsSync(base) ? resolve(base) : base,
    share: readNumber(values["teacher-share"], "--teacher-share", { min: 0, max: 1 }),
    temperature: readNumber(values["teacher-temperature"], "--teacher-temperature", {
      min: 0.1,
      max: 100,
    }),
  });
  if (Object.keys(given).length === 0) return undefined;
  const path = given.path ?? teacher?.path;
  return path === undefined
    ? fail("--teacher-base, --teacher-share and --teacher-temperature need --teacher DIR")
    : { ...teacher, ...given, path };
}

/** Without the fields that are undefined. */
const defined = <T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

/** Data files for the task.json of `out`. */
export function filesSeenFrom(
  out: string,
  { data }: TaskSpec,
): Pick<DataSpec, "train" | "eval" | "unlabelled"> {
  const seen = (file: DataFile): DataFile => ({ ...file, path: pathSeenFrom(out, file.path) });
  return {
    train: data.train.map(seen),
    eval: data.eval.map(seen),
    ...(data.unlabelled && { unlabelled: data.unlabelled.map(seen) }),
  };
}

/** The teacher for the task.json of `out`. A base that is known by its name alone stays as it is. */
export const teacherSeenFrom = (
  out: string,
  teacher: TeacherSpec | undefined,
): TeacherSpec | undefined =>
  teacher && {
    ...teacher,
    path: pathSeenFrom(out, teacher.path),
    ...(teacher.base !== undefined && { base: pathSeenFrom(out, teacher.base) }),
  };
