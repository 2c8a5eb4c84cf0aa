/**
 * task.json: the source of a task, read with the same care as anything else from disk. A field
 * that is absent has a default, chosen from the type and size of the data (defaults.ts), so that a
 * short task.json and a bare data file train the same way.
 */
import type { ExampleText } from "../measure/answers.ts";
import { InputError } from "../../core/errors.ts";
import { isName } from "../../core/format/keys.ts";
import { DESCRIPTION } from "../../core/format/manifest.ts";
import { PROBLEM_TYPES } from "../../core/model/task.ts";
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import type { Pooling } from "../../core/model/head.ts";
import { readRecord } from "../../core/record.ts";
import type { RecordReader } from "../../core/record.ts";
import { parseJson } from "../../core/text.ts";
import type { DataFormat, DataOptions } from "../data/read.ts";
import type { Hyperparameters, Method, Objective } from "../methods.ts";
import { labelMapOf } from "../data/labels.ts";
import { METHODS, OBJECTIVES } from "../methods.ts";
import { TRAIN_GRAPHS } from "../graph/choice.ts";
import type { TrainGraph } from "../graph/choice.ts";

/**
 * What train writes into report.html: no report, numbers and label names only, or also texts of the
 * data (the hardest examples, rows to look at). A task whose folder is published as source takes
 * `metrics`. The bucket never gets a report.
 */
export const REPORT_LEVELS = ["none", "metrics", "full"] as const;
export type ReportLevel = (typeof REPORT_LEVELS)[number];

export const DEFAULT_LEVEL: ReportLevel = "full";

/** One data file and how to read it. */
export interface DataFile extends DataOptions {
  readonly path: string;
  /** Takes a choice of this many rows, the same one whatever the seed of a run. */
  readonly maxRows?: number;
}

export interface DataSpec {
  readonly train: readonly DataFile[];
  readonly eval: readonly DataFile[];
  /** Files of texts that a teacher alone answers (learn/data/unlabelled.ts). */
  readonly unlabelled?: readonly DataFile[];
  readonly source: string | null;
  readonly licence: string | null;
  /** BCP 47, such as "en". */
  readonly language: string | null;
}

/** Whose answers are learned beside the labels; what is undefined is left to defaults (teacher.ts). */
export interface TeacherSpec {
  /** Folder of a task, or of a fine-tuned checkpoint. */
  readonly path: string;
  /** Folder of the teacher's base, where it is neither the task's own nor one of this package. */
  readonly base?: string | undefined;
  readonly share?: number | undefined;
  readonly temperature?: number | undefined;
}

/** task.json as it stands: what is undefined is left to defaults. */
export interface TaskSpec {
  readonly name: string | undefined;
  readonly description: string | undefined;
  /** Sentences of the author about what the task cannot do, for its card. */
  readonly limits: readonly string[] | undefined;
  readonly base: string | undefined;
  readonly type: TaskType | undefined;
  readonly problem_type: ProblemType | undefined;
  readonly labels: readonly string[] | undefined;
  readonly method: Method | undefined;
  /** What the loss is computed from (learn/methods.ts). */
  readonly objective: Objective | undefined;
  /** Folder of a pretrained prefix to start from (pretrained.ts), looked for as data files are. */
  readonly init: string | undefined;
  readonly teacher: TeacherSpec | undefined;
  readonly num_virtual_tokens: number | undefined;
  readonly pooling: Exclude<Pooling, "none"> | undefined;
  readonly max_length: number | undefined;
  /** Name of the answer to texts that fit no label; undefined: each text gets a label. */
  readonly other: string | undefined;
  readonly label_all_tokens: boolean;
  /** Tags are decided by hidden states alone, without word shapes and transitions. */
  readonly plain_head: boolean | undefined;
  /** Trains on a random choice of this many rows. */
  readonly max_rows: number | undefined;
  /** The graph that is trained (graph/choice.ts). */
  readonly train_graph: TrainGraph | undefined;
  /** What report.html holds . */
  readonly report: ReportLevel | undefined;
  readonly hyperparameters: Partial<Hyperparameters>;
  readonly seed: number | undefined;
  readonly data: DataSpec;
  /** Texts written by the task's author; their answers become the task's recorded examples. */
  readonly examples: readonly ExampleText[];
}

export const EMPTY_SPEC: TaskSpec = {
  name: undefined,
  description: undefined,
  limits: undefined,
  base: undefined,
  type: undefined,
  problem_type: undefined,
  labels: undefined,
  method: undefined,
  objective: undefined,
  init: undefined,
  teacher: undefined,
  num_virtual_tokens: undefined,
  pooling: undefined,
  max_length: undefined,
  other: undefined,
  label_all_tokens: false,
  plain_head: undefined,
  max_rows: undefined,
  train_graph: undefined,
  report: undefined,
  hyperparameters: {},
  seed: undefined,
  data: { train: [], eval: [], source: null, licence: null, language: null },
  examples: [],
};

const CODE = "task-json-invalid";
const FORMATS = ["csv", "tsv", "jsonl", "conll", "parallel"] as const satisfies DataFormat[];

/** Editors on Windows put a byte order mark before UTF-8, which JSON does not allow. */
const withoutMark = (bytes: Uint8Array): Uint8Array =>
  [0xef, 0xbb, 0xbf].every((byte, i) => bytes[i] === byte) ? bytes.subarray(3) : bytes;

/** Reads task.json; throws FormatError `task-json-invalid` or `json-invalid`. Unknown fields are kept out. */
export function readTaskSpec(bytes: Uint8Array, subject: string): TaskSpec {
  const r = readRecord(parseJson(withoutMark(bytes), subject), subject, CODE);
  const data = r.has("data") ? r.record("data") : null;
  const shared = data ? readDataOptions(data) : {};
  const { textColumn, pairColumn } = shared;
  const texts = { ...(textColumn && { textColumn }), ...(pairColumn && { pairColumn }) };
  const files = (field: string, options: DataOptions = shared): DataFile[] => {
    if (!data?.has(field)) return [];
    const raw = data.raw(field);
    const list = Array.isArray(raw) ? raw : [raw];
    return list.map((item, i) => readDataFile(item, `${subject}: data.${field}[${i}]`, options));
  };
  const name = optional(r, "name", () => r.string("name"));
  if (name !== undefined && !isName(name))
    r.fail(`"name" ${JSON.stringify(name)} is not a valid name`);
  return {
    name,
    description: optional(r, "description", () => r.string("description", DESCRIPTION)),
    limits: optional(r, "limits", () => r.list("limits", 20, string)),
    base: optional(r, "base", () => r.string("base")),
    type: optional(r, "type", () => r.oneOf("type", ["sequence", "token"])),
    problem_type: optional(r, "problem_type", () => r.oneOf("problem_type", PROBLEM_TYPES)),
    labels: optional(r, "labels", () => r.list("labels", 10_000, string)),
    method: optional(r, "method", () => r.oneOf("method", METHODS)),
    objective: optional(r, "objective", () => r.oneOf("objective", OBJECTIVES)),
    init: optional(r, "init", () => r.string("init")),
    teacher: optional(r, "teacher", () => readTeacher(r)),
    num_virtual_tokens: optional(r, "num_virtual_tokens", () =>
      r.count("num_virtual_tokens", 0, 1024),
    ),
    pooling: optional(r, "pooling", () => r.oneOf("pooling", ["pooler", "cls", "mean"])),
    max_length: optional(r, "max_length", () => r.count("max_length", 3, 65_536)),
    other: optional(r, "other", () => r.string("other")),
    label_all_tokens: r.raw("label_all_tokens") === true,
    plain_head: optional(r, "plain_head", () => r.raw("plain_head") === true),
    max_rows: optional(r, "max_rows", () => r.count("max_rows", 1, Number.MAX_SAFE_INTEGER)),
    train_graph: optional(r, "train_graph", () => r.oneOf("train_graph", TRAIN_GRAPHS)),
    report: optional(r, "report", () => r.oneOf("report", REPORT_LEVELS)),
    hyperparameters: r.has("hyperparameters")
      ? readHyperparameters(r.record("hyperparameters"))
      : {},
    seed: optional(r, "seed", () => r.count("seed", 0, Number.MAX_SAFE_INTEGER)),
    data: {
      train: files("train"),
      eval: files("eval"),
      ...(data?.has("unlabelled") && { unlabelled: files("unlabelled", texts) }),
      source: data?.has("source") ? data.string("source") : null,
      licence: data?.has("licence") ? data.string("licence") : null,
      language: data?.has("language") ? data.string("language") : null,
    },
    examples: r.has("examples") ? r.list("examples", 64, readExample) : [],
  };
}

/** `teacher`: a folder, or a record with one. */
function readTeacher(r: RecordReader): TeacherSpec {
  if (typeof r.raw("teacher") === "string") return { path: r.string("teacher") };
  const own = r.record("teacher");
  return {
    path: own.string("path"),
    base: optional(own, "base", () => own.string("base")),
    share: optional(own, "share", () => own.number("share", 0, 1)),
    temperature: optional(own, "temperature", () => own.number("temperature", 0.1, 100)),
  };
}

const HYPERPARAMETERS: Readonly<
  Record<keyof Hyperparameters, readonly [min: number, max: number]>
> = {
  learning_rate: [1e-8, 10],
  epochs: [1, 10_000],
  steps: [1, 1_000_000],
  batch_size: [1, 4096],
  weight_decay: [0, 10],
  warmup_ratio: [0, 1],
  prefix_dropout: [0, 0.9],
  max_grad_norm: [1e-6, 1e6],
  patience: [0, 10_000],
  average: [1, 100],
};
const INTEGERS: readonly string[] = ["epochs", "steps", "batch_size", "patience", "average"];

/** Reads `hyperparameters`; a field that is not known fails. */
export function readHyperparameters(r: RecordReader): Partial<Hyperparameters> {
  const found: Partial<Record<keyof Hyperparameters, number>> = {};
  for (const field of r.fields()) {
    if (!isHyperparameter(field)) {
      return r.fail(
        `"${field}" is not known; known are ${Object.keys(HYPERPARAMETERS).join(", ")}`,
      );
    }
    const [min, max] = HYPERPARAMETERS[field];
    found[field] = INTEGERS.includes(field) ? r.count(field, min, max) : r.number(field, min, max);
  }
  return found;
}

const isHyperparameter = (field: string): field is keyof Hyperparameters =>
  Object.hasOwn(HYPERPARAMETERS, field);

function readDataFile(value: unknown, subject: string, shared: DataOptions): DataFile {
  if (typeof value === "string") return { ...shared, path: value };
  const r = readRecord(value, subject, CODE);
  const maxRows = optional(r, "max_rows", () => r.count("max_rows", 1, Number.MAX_SAFE_INTEGER));
  return {
    ...shared,
    ...readDataOptions(r),
    path: r.string("path"),
    ...(maxRows !== undefined && { maxRows }),
  };
}

function readDataOptions(r: RecordReader): DataOptions {
  const format = optional(r, "format", () => r.oneOf("format", FORMATS));
  const textColumn = optional(r, "text_column", () => r.string("text_column"));
  const pairColumn = optional(r, "pair_column", () => r.string("pair_column"));
  const labelColumn = optional(r, "label_column", () => r.string("label_column"));
  const columns = optional(r, "columns", () => r.list("columns", 1000, string));
  const tagColumn = optional(r, "tag_column", () => r.count("tag_column", 1, 1000));
  const separator = optional(r, "separator", () => r.string("separator", /^.$/su));
  const labelSeparator = optional(r, "label_separator", () => r.string("label_separator"));
  const labelMap = optional(r, "label_names", () => readNames(r));
  return {
    ...(format && { format }),
    ...(textColumn && { textColumn }),
    ...(pairColumn && { pairColumn }),
    ...(labelColumn && { labelColumn }),
    ...(columns && { columns }),
    ...(tagColumn && { tagColumn }),
    ...(separator && { separator }),
    ...(labelSeparator && { labelSeparator }),
    ...(labelMap && { labelMap }),
  };
}

/** `label_names`: a list for the labels 0, 1, .., or an object from label to name (null drops it). */
function readNames(r: RecordReader): Record<string, string | null> {
  if (Array.isArray(r.raw("label_names"))) {
    return labelMapOf(r.list("label_names", 10_000, string));
  }
  const names = r.record("label_names");
  return Object.fromEntries(
    names.fields().map((label) => [label, names.raw(label) === null ? null : names.string(label)]),
  );
}

function readExample(value: unknown, subject: string): ExampleText {
  if (typeof value === "string") return { text: value };
  const r = readRecord(value, subject, CODE);
  const text = r.string("text");
  return r.has("text_pair") ? { text, text_pair: r.string("text_pair") } : { text };
}

function string(value: unknown, subject: string): string {
  if (typeof value === "string") return value;
  throw new InputError(CODE, `${subject}: is ${typeof value}, expected a string`);
}

const optional = <T>(r: RecordReader, field: string, read: () => T): T | undefined =>
  r.has(field) ? read() : undefined;

/** task.json again: what is undefined, empty or a default of its own is left out. */
export function writeTaskSpec(spec: TaskSpec): string {
  const files = (list: readonly DataFile[]) =>
    list.map(({ path, maxRows, ...options }) => ({
      path,
      max_rows: maxRows,
      ...dataFields(options),
    }));
  const json = {
    ...spec,
    label_all_tokens: spec.label_all_tokens || undefined,
    data: {
      train: files(spec.data.train),
      eval: spec.data.eval.length > 0 ? files(spec.data.eval) : undefined,
      unlabelled: spec.data.unlabelled && files(spec.data.unlabelled),
      source: spec.data.source ?? undefined,
      licence: spec.data.licence ?? undefined,
      language: spec.data.language ?? undefined,
    },
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

const dataFields = (options: DataOptions) => ({
  format: options.format,
  text_column: options.textColumn,
  pair_column: options.pairColumn,
  label_column: options.labelColumn,
  columns: options.columns,
  tag_column: options.tagColumn,
  separator: options.separator,
  label_separator: options.labelSeparator,
  label_names: options.labelMap,
});
