/**
 * Data files -> examples: texts with label names, before any tokenizer has seen them.
 *
 * One pipeline for every format: bytes -> (gunzip) -> text -> rows (formats.ts) -> examples.
 * A row that cannot be used is never dropped in silence: it becomes a problem with its line number,
 * is counted, and stops the reading when `strict`. A word-per-line sentence becomes one text, its
 * words joined by single spaces, with the span of every word: the text path is that of serving.
 */
import { FormatError, InputError } from "../../core/errors.ts";
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import { conllRows } from "./conll.ts";
import { csvRows, jsonlRows, parallelRows, tsvRows, typeOfJsonl } from "./formats.ts";
import type { Columns, FoundRow, RawRow } from "./formats.ts";
import { readerOfPlaces } from "./label-vectors.ts";
import type { LabelMap } from "./label-vectors.ts";
import type { Span } from "./lines.ts";
import { scoredLabels, sharedLabels } from "./soft-labels.ts";
import type { Shares } from "./soft-labels.ts";

/** `parallel` is SNIPS's layout: seq.in (texts), seq.out (tags), label (classes), line by line. */
export type DataFormat = "csv" | "tsv" | "jsonl" | "conll" | "parallel";

/** How a file is to be read; everything has a default. Column names may be lists: `text,sentence`. */
export interface DataOptions {
  readonly format?: DataFormat;
  readonly type?: TaskType;
  readonly textColumn?: string;
  readonly pairColumn?: string;
  readonly labelColumn?: string;
  /** Names of the columns of a file that has no header. */
  readonly columns?: readonly string[];
  /** conll: the column of the tag, counted from 1. */
  readonly tagColumn?: number;
  /** csv: the character between two columns; by default what the first rows agree on. */
  readonly separator?: string;
  /** csv and tsv: what stands between the labels of a text that has several. */
  readonly labelSeparator?: string;
  /** What the labels are to be read for, where it is known: regression takes numbers alone. */
  readonly problemType?: ProblemType | undefined;
  /** Label as in the file -> name to use; null drops a row, or makes a tag "O". */
  readonly labelMap?: LabelMap | undefined;
  /** Stops at the first bad row. */
  readonly strict?: boolean;
}

/** One text to learn from or to be measured on. */
export interface Example {
  readonly text: string;
  readonly pair?: string;
  /**
   * Sequence: one label name, or several different ones when multi-label; none where only a teacher
   * answers. Token: one tag a word.
   */
  readonly labels: readonly string[];
  /**
   * Where the row gives a score for each label: their shares, and `labels` holds the largest. Where
   * several labels may hold: the scores, and `labels` those of at least a half.
   */
  readonly shares?: Shares;
  /** What a teacher answers to the text: a logit for each label of the task, in the task's order. */
  readonly taught?: readonly number[];
  /** Token: where each word lies in `text`; empty otherwise. */
  readonly words: readonly Span[];
}

export interface Problem {
  readonly line: number;
  readonly what: string;
}

export interface Dataset {
  /** The file's name, without its folders. */
  readonly name: string;
  readonly type: TaskType;
  readonly examples: readonly Example[];
  /** The line in which each of them begins. */
  readonly lineOf: ReadonlyMap<Example, number>;
  /** The first bad rows; `badRows` counts them all. */
  readonly problems: readonly Problem[];
  readonly badRows: number;
}

const MAX_PROBLEMS = 20;

const EXTENSIONS: Readonly<Record<string, DataFormat>> = {
  csv: "csv",
  tsv: "tsv",
  jsonl: "jsonl",
  ndjson: "jsonl",
  conll: "conll",
  bio: "conll",
  iob: "conll",
  txt: "conll",
  in: "parallel",
};

export const TEXT_COLUMNS = ["text", "sentence", "content"];
export const PAIR_COLUMNS = ["text_pair"];
export const LABEL_COLUMNS = ["label", "labels", "category"];
/** As Hugging Face's data sets call them. */
const WORD_COLUMNS = ["tokens", "words"];
const TAG_COLUMNS = ["tags", "ner_tags", "labels", "label"];

/** The texts of SNIPS's three files side by side (`seq.in`, `seq.out`, `label`) as one data set. */
export function parseParallel(
  files: { readonly texts: string; readonly tags: string | null; readonly labels: string | null },
  name: string,
  options: DataOptions = {},
): Dataset {
  const { texts, tags, labels } = files;
  return collect(parallelRows(texts, tags, labels), name, tags ? "token" : "sequence", options);
}

/**
 * Reads the text of a data file of any format but `parallel`. Without a `type` the file decides:
 * conll, and jsonl whose first row has words and tags, make a token task. Throws InputError
 * `data-format-unknown`, `data-column-missing`, `labels-unnamed`; FormatError `data-empty` or
 * (strict) `data-row-invalid`.
 */
export function parseData(text: string, name: string, options: DataOptions = {}): Dataset {
  const format = options.format ?? formatOf(name);
  const columns = { ...columnsOf(options), subject: name };
  const type = options.type ?? typeOf(format, text, columns);
  return collect(rowsOf(format, text, type, columns, options), name, type, options);
}

function typeOf(format: DataFormat, text: string, columns: Columns): TaskType {
  if (format === "jsonl") return typeOfJsonl(text, columns);
  return format === "conll" ? "token" : "sequence";
}

function rowsOf(
  format: DataFormat,
  text: string,
  type: TaskType,
  columns: Columns,
  options: DataOptions,
): Iterable<RawRow> {
  switch (format) {
    case "csv":
      return csvRows(text, columns);
    case "tsv":
      return tsvRows(text, columns);
    case "jsonl":
      return jsonlRows(text, columns, type);
    case "conll":
      return conllRows(text, options.tagColumn ?? 2);
    case "parallel":
      throw new InputError(
        "data-format-unknown",
        `${columns.subject}: "parallel" is read from files only`,
      );
    default:
      return format satisfies never;
  }
}

/** The columns that these options name, or the usual ones. */
export const columnsOf = (options: DataOptions): Omit<Columns, "subject"> => ({
  text: namesIn(options.textColumn) ?? TEXT_COLUMNS,
  pair: namesIn(options.pairColumn) ?? PAIR_COLUMNS,
  label: namesIn(options.labelColumn) ?? LABEL_COLUMNS,
  words: namesIn(options.textColumn) ?? WORD_COLUMNS,
  tags: namesIn(options.labelColumn) ?? TAG_COLUMNS,
  given: options.columns,
  separator: options.separator,
  labelSeparator: options.labelSeparator,
});

/** Several names between commas; a name that was given may also have a comma of its own. */
const namesIn = (given: string | undefined): string[] | undefined =>
  given?.includes(",") ? [given, ...given.split(",")] : given === undefined ? undefined : [given];

/** The format that a file's extension (before `.gz`) promises. */
export function formatOf(path: string): DataFormat {
  const name = basename(path).replace(/\.gz$/i, "");
  const extension = name.includes(".") ? name.slice(name.lastIndexOf(".") + 1).toLowerCase() : "";
  const format = Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : undefined;
  if (format && (format !== "parallel" || name === "seq.in")) return format;
  throw new InputError(
    "data-format-unknown",
    `${path}: cannot tell the format from the extension "${extension}"; known are ${Object.keys(EXTENSIONS).join(", ")} (also with .gz), or say --format`,
  );
}

/** Rows -> examples: one check for every format. */
function collect(
  given: Iterable<RawRow>,
  path: string,
  type: TaskType,
  options: DataOptions,
): Dataset {
  const rows = [...given];
  const labelsOf = labelReader(rows, path, type, options);
  const lineOf = new Map<Example, number>();
  const problems: Problem[] = [];
  let badRows = 0;
  for (const row of rows) {
    const found = "problem" in row ? row.problem : exampleOf(row, type, labelsOf);
    if (found === null) continue;
    if (typeof found !== "string") {
      lineOf.set(found, row.line);
      continue;
    }
    if (options.strict) throw new FormatError("data-row-invalid", `${path}:${row.line}: ${found}`);
    badRows += 1;
    if (problems.length < MAX_PROBLEMS) problems.push({ line: row.line, what: found });
  }
  const examples = [...lineOf.keys()];
  if (examples.length > 0)
    return { name: basename(path), type, examples, lineOf, problems, badRows };
  const first = problems[0];
  throw new FormatError(
    "data-empty",
    `${path}: has no usable row${first ? `; ${badRows} bad rows, the first in line ${first.line}: ${first.what}` : ""}`,
  );
}

type Labelled = Pick<Example, "labels" | "shares">;
/** A row's labels by name, null for a row that the label map drops, or what is wrong with them. */
type LabelReader = (row: FoundRow) => Labelled | string | null;
/** The same of rows without scores. */
type NameReader = (row: FoundRow) => readonly string[] | string | null;

/** How the labels of a file are to be read: that takes a look at all of its rows. */
function labelReader(
  rows: readonly RawRow[],
  path: string,
  type: TaskType,
  { labelMap, problemType }: DataOptions,
): LabelReader {
  const found = rows.flatMap((row) => ("problem" in row ? [] : [row]));
  const names = nameReader(found, path, type, { labelMap, problemType });
  return (row) => {
    if (!row.scores) {
      const labels = names(row);
      return labels === null || typeof labels === "string" ? labels : { labels };
    }
    if (problemType === "regression") return "has a score for each label, expected one number";
    const read = problemType === "multi_label_classification" ? scoredLabels : sharedLabels;
    return read(row.scores, (label) => nameOf(label, labelMap));
  };
}

function nameReader(
  rows: readonly FoundRow[],
  path: string,
  type: TaskType,
  { labelMap, problemType }: Pick<DataOptions, "labelMap" | "problemType">,
): NameReader {
  if (type === "token") return tagReaderOf(rows, path, labelMap);
  if (problemType === "regression") return (row) => numberOf(mapped(row.labels, labelMap));
  return readerOfPlaces(rows, labelMap, path) ?? ((row) => mapped(row.labels, labelMap));
}

/** Each label once, under its name; null for a row whose labels are all dropped. */
function mapped(
  labels: readonly string[],
  labelMap: LabelMap | undefined,
): readonly string[] | null {
  const names = labels.map((label) => nameOf(label, labelMap)).filter((label) => label !== null);
  return labels.length > 0 && names.length === 0 ? null : [...new Set(names)];
}

/** The name of a label; null where it is dropped. A table with gaps writes the label 1 as 1.0. */
function nameOf(label: string, labelMap: LabelMap | undefined): string | null {
  if (!labelMap) return label;
  const whole = /^(-?\d+)\.0*$/.exec(label)?.[1];
  const key = [label, whole].find((text) => text !== undefined && Object.hasOwn(labelMap, text));
  return key === undefined ? label : labelMap[key]!;
}

function numberOf(names: readonly string[] | null): readonly string[] | string | null {
  if (names === null) return null;
  const odd = names.find((name) => !isNumber(name));
  if (odd !== undefined) return `the label ${JSON.stringify(odd)} is no number`;
  return names.length === 1 ? names : `has ${names.length} labels, expected one number`;
}

/** Hugging Face's -100, for what is not learned, included. */
const isInteger = (tag: string): boolean => /^-?\d+$/.test(tag);

/** Tags by name; throws InputError `labels-unnamed` for numbers that nothing names. */
function tagReaderOf(
  rows: readonly FoundRow[],
  path: string,
  labelMap: LabelMap | undefined,
): NameReader {
  const areNumbers = rows.length > 0 && rows.every(({ labels }) => labels.every(isInteger));
  if (areNumbers && labelMap === undefined && rows.some(({ labels }) => labels.length > 0)) {
    const highest = rows
      .flatMap(({ labels }) => labels.map(Number))
      .reduce((max, tag) => Math.max(max, tag), 0);
    throw new InputError(
      "labels-unnamed",
      `${path}: the tags are the numbers 0 to ${highest}; name them with --label-names O,B-PER,I-PER,.. in the order of the numbers`,
    );
  }
  return ({ labels }) => {
    const unnamed = areNumbers
      ? labels.find((tag) => labelMap && !Object.hasOwn(labelMap, tag))
      : undefined;
    return unnamed === undefined
      ? labels.map((tag) => mapTag(tag, labelMap))
      : `the tag ${unnamed} has no name in --label-names`;
  };
}

/** An example, null for a row that the label map drops, or what is wrong with the row. */
function exampleOf(row: FoundRow, type: TaskType, labelsOf: LabelReader): Example | string | null {
  const { text, pair, words } = row;
  for (const part of pair === undefined ? [text] : [text, pair]) {
    if (part.trim() === "") return "the text is empty";
    const problem = problemOfText(part);
    if (problem !== null) return `the text ${problem}`;
  }
  for (const label of row.labels) {
    if (label.trim() === "") return "the label is empty";
    const problem = problemOfText(label);
    if (problem !== null) return `the label ${problem}`;
  }
  if (type === "token" && !words) return "has no words and tags, which a token task needs";
  if (type === "sequence" && words) {
    return "has words and tags; a sequence task needs a text and a label (--type token reads words)";
  }
  const found = labelsOf(row);
  if (found === null || typeof found === "string") return found;
  const { labels, shares } = found;
  if (type === "sequence") {
    return {
      text,
      ...(pair === undefined ? {} : { pair }),
      labels,
      ...(shares && { shares }),
      words: [],
    };
  }
  return labels.length === words!.length && labels.length > 0
    ? { text, labels, words: words! }
    : `has ${words!.length} words and ${labels.length} tags`;
}

/** What is wrong with the characters of a text or label; null where nothing is. */
export function problemOfText(text: string): string | null {
  if (!text.isWellFormed()) return "has a lone surrogate";
  return text.includes("\uFFFD") ? "is not valid UTF-8 (or has U+FFFD in it)" : null;
}

/** Maps a whole tag (`B-PER`), or its type (`PER`) keeping the `B-`. */
function mapTag(tag: string, labelMap: LabelMap | undefined): string {
  if (!labelMap) return tag;
  if (Object.hasOwn(labelMap, tag)) return labelMap[tag] ?? "O";
  const type = tag.slice(2);
  if (tag[1] !== "-" || !Object.hasOwn(labelMap, type)) return tag;
  const mapped = labelMap[type];
  return mapped === null || mapped === undefined ? "O" : `${tag.slice(0, 2)}${mapped}`;
}

/** The part of a path after its last slash. */
const basename = (path: string): string => path.slice(path.search(/[^/\\]*$/));

/** Whether a label can stand for a number. */
export const isNumber = (label: string): boolean =>
  label.trim() !== "" && Number.isFinite(Number(label));
