/**
 * Data files -> examples: texts with label names, before any tokenizer has seen them.
 *
 * One pipeline for every format: bytes -> (gunzip) -> text -> rows (formats.ts) -> examples.
 * A row that cannot be used is never dropped in silence: it becomes a problem with its line number,
 * is counted, and stops the reading when `strict`. A word-per-line sentence becomes one text, its
 * words joined by single spaces, with the span of every word: the text path is that of serving.
 */
import { FormatError, InputError } from "../../core/errors.ts";
import type { TaskType } from "../../core/model/task.ts";
import { csvRows, conllRows, jsonlRows, parallelRows, tsvRows } from "./formats.ts";
import type { RawRow, Span } from "./formats.ts";

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
  /** csv and tsv: what stands between the labels of a text that has several. */
  readonly labelSeparator?: string;
  /** Every label has to be a number (regression). */
  readonly isNumeric?: boolean;
  /** Label as in the file -> name to use; null drops a row, or makes a tag "O". */
  readonly labelMap?: Readonly<Record<string, string | null>>;
  /** Stops at the first bad row. */
  readonly strict?: boolean;
}

/** One text to learn from or to be measured on. */
export interface Example {
  readonly text: string;
  readonly pair?: string;
  /** Sequence: one label name (several when multi-label). Token: one tag a word. */
  readonly labels: readonly string[];
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

const TEXT_COLUMNS = "text,sentence,content";
const PAIR_COLUMNS = "text_pair";
const LABEL_COLUMNS = "label,category";

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
 * Reads the text of a data file of any format but `parallel`. Throws InputError
 * `data-format-unknown`, `data-column-missing`; FormatError `data-empty` or (strict)
 * `data-row-invalid`.
 */
export function parseData(text: string, name: string, options: DataOptions = {}): Dataset {
  const format = options.format ?? formatOf(name);
  const type = options.type ?? (format === "conll" ? "token" : "sequence");
  return collect(rowsOf(format, text, name, options), name, type, options);
}

function rowsOf(
  format: DataFormat,
  text: string,
  name: string,
  options: DataOptions,
): Iterable<RawRow> {
  const { columns: given, labelSeparator: separator } = options;
  const columns = { ...columnNames(options), given, separator, subject: name };
  switch (format) {
    case "csv":
      return csvRows(text, columns);
    case "tsv":
      return tsvRows(text, columns);
    case "jsonl":
      return jsonlRows(text, columns);
    case "conll":
      return conllRows(text, options.tagColumn ?? 2);
    case "parallel":
      throw new InputError("data-format-unknown", `${name}: "parallel" is read from files only`);
    default:
      return format satisfies never;
  }
}

const columnNames = (options: DataOptions) => ({
  text: (options.textColumn ?? TEXT_COLUMNS).split(","),
  pair: (options.pairColumn ?? PAIR_COLUMNS).split(","),
  label: (options.labelColumn ?? LABEL_COLUMNS).split(","),
});

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
  rows: Iterable<RawRow>,
  path: string,
  type: TaskType,
  { labelMap, isNumeric = false, strict = false }: DataOptions,
): Dataset {
  const examples: Example[] = [];
  const problems: Problem[] = [];
  let badRows = 0;
  for (const row of rows) {
    const found = "problem" in row ? row.problem : exampleOf(row, type, labelMap, isNumeric);
    if (found === null) continue;
    if (typeof found !== "string") {
      examples.push(found);
      continue;
    }
    if (strict) throw new FormatError("data-row-invalid", `${path}:${row.line}: ${found}`);
    badRows += 1;
    if (problems.length < MAX_PROBLEMS) problems.push({ line: row.line, what: found });
  }
  if (examples.length > 0) return { name: basename(path), type, examples, problems, badRows };
  const first = problems[0];
  throw new FormatError(
    "data-empty",
    `${path}: has no usable row${first ? `; ${badRows} bad rows, the first in line ${first.line}: ${first.what}` : ""}`,
  );
}

/** An example, null for a row that the label map drops, or what is wrong with the row. */
function exampleOf(
  { text, pair, labels, words }: Exclude<RawRow, { problem: string }>,
  type: TaskType,
  labelMap: DataOptions["labelMap"],
  isNumeric: boolean,
): Example | string | null {
  for (const part of pair === undefined ? [text] : [text, pair]) {
    if (part.trim() === "") return "the text is empty";
    if (!part.isWellFormed()) return "the text has a lone surrogate";
    if (part.includes("\uFFFD")) return "the text is not valid UTF-8 (or has U+FFFD in it)";
  }
  if (type === "token") {
    if (!words) return "has no words and tags, which a token task needs";
    const tags = labels.map((tag) => mapTag(tag, labelMap));
    return tags.length === words.length && tags.length > 0
      ? { text, labels: tags, words }
      : `has ${words.length} words and ${tags.length} tags`;
  }
  if (words) return "has words and tags; a sequence task needs a text and a label";
  const names = labels
    .map((label) => (labelMap && Object.hasOwn(labelMap, label) ? labelMap[label]! : label))
    .filter((label) => label !== null);
  if (labels.length > 0 && names.length === 0) return null;
  const odd = isNumeric ? names.find((name) => !isNumber(name)) : undefined;
  if (odd !== undefined) return `the label ${JSON.stringify(odd)} is no number`;
  if (isNumeric && names.length !== 1) return `has ${names.length} labels, expected one number`;
  return { text, ...(pair === undefined ? {} : { pair }), labels: names, words: [] };
}

/** Maps a whole tag (`B-PER`), or its type (`PER`) keeping the `B-`. */
function mapTag(tag: string, labelMap: DataOptions["labelMap"]): string {
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
