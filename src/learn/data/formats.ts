/**
 * One generator per data format: text -> rows with the line each begins in. They only take files
 * apart; what makes a row usable is decided once, in read.ts. CoNLL has a file of its own.
 */
import { InputError } from "../../core/errors.ts";
import { describe } from "../../core/record.ts";
import type { TaskType } from "../../core/model/task.ts";
import { csvRecords, separatorOf } from "./csv.ts";
import { WrittenNumber, parseWithDigits } from "./json-labels.ts";
import { isBlank, joinWords, lines, withoutBlanks } from "./lines.ts";
import type { Span } from "./lines.ts";
import { scoresOf } from "./soft-labels.ts";
import type { Shares } from "./soft-labels.ts";

/** What a format finds: a text with its labels, or what is wrong with the row. */
export type RawRow =
  { readonly line: number; readonly problem: string } | (FoundRow & { readonly line: number });

/** A text with its labels, or words with one tag each. */
export interface FoundRow {
  readonly text: string;
  readonly pair?: string;
  readonly labels: readonly string[];
  /** The labels were written as a list, which may be one place for each label (label-vectors.ts). */
  readonly isList?: boolean;
  /** The labels were written with a score each, as the file has them (soft-labels.ts). */
  readonly scores?: Shares;
  readonly words?: readonly Span[];
}

/** Names under which a column is looked for, in order of preference. */
export interface Columns {
  readonly text: readonly string[];
  readonly pair: readonly string[];
  /** null: rows have no label, and the column of one is not read. */
  readonly label: readonly string[] | null;
  /** jsonl: fields of a list of words and of the list of their tags. */
  readonly words: readonly string[];
  readonly tags: readonly string[];
  /** The names, when the file has no header. */
  readonly given: readonly string[] | undefined;
  /** csv: what stands between two columns; by default what the first rows agree on. */
  readonly separator: string | undefined;
  /** Between several labels of a csv or tsv field; without it a field is one label. */
  readonly labelSeparator: string | undefined;
  readonly subject: string;
}

/** Where the columns are in this file; -1 when there is no pair, or no label is read. */
interface Places {
  readonly text: number;
  readonly pair: number;
  readonly label: number;
  readonly count: number;
}

/** Comma separated with quotes (csv.ts); quoted fields may hold line breaks. */
export function* csvRows(text: string, columns: Columns): Generator<RawRow> {
  const { given } = columns;
  const separator =
    columns.separator ??
    separatorOf(text, {
      names: columns.label ? [columns.text, columns.label] : [columns.text],
      ...(given && { count: given.length }),
    });
  let places = given ? placesOf(given, columns) : null;
  for (const record of csvRecords(text, separator)) {
    if ("problem" in record) yield record;
    else if (places === null) places = placesOf(record.fields, columns);
    else yield fieldsRow(record.fields, places, record.line, columns.labelSeparator);
  }
}

/** Tab separated, one row a line, no quoting: a quote is a character of the text. */
export function* tsvRows(text: string, columns: Columns): Generator<RawRow> {
  let places = columns.given ? placesOf(columns.given, columns) : null;
  for (const [line, content] of lines(text)) {
    if (isBlank(content)) continue;
    const fields = content.split("\t");
    if (places === null) places = placesOf(fields, columns);
    else yield fieldsRow(fields, places, line, columns.labelSeparator);
  }
}

/**
 * One JSON object a line: text, pair and label, or a list of words and a list of tags. A row that
 * has both is read as the given type.
 */
export function* jsonlRows(text: string, columns: Columns, type: TaskType): Generator<RawRow> {
  for (const [line, content] of lines(text)) {
    if (isBlank(content)) continue;
    const fields = objectOf(content);
    if (typeof fields === "string") yield { line, problem: fields };
    else {
      const found = type === "token" ? wordsRow(fields, columns) : textRow(fields, columns);
      yield typeof found === "string" ? { line, problem: found } : { line, ...found };
    }
  }
}

/** The type of task that the first object of a jsonl file is a row of. */
export function typeOfJsonl(text: string, columns: Columns): TaskType {
  for (const [, content] of lines(text)) {
    const fields = isBlank(content) ? "" : objectOf(content);
    if (typeof fields === "string") continue;
    const isText =
      typeof pick(fields, columns.text) === "string" && hasField(fields, columns.label ?? []);
    const hasWords = Array.isArray(pick(fields, columns.words));
    return hasWords && !isText ? "token" : "sequence";
  }
  return "sequence";
}

type Fields = ReadonlyMap<string, unknown>;

/** The fields of a line, or what is wrong with it. */
function objectOf(line: string): Fields | string {
  let value: unknown;
  try {
    // Files that were put together out of several may have a byte order mark at any line.
    value = parseWithDigits(line.replace(/^\uFEFF/, ""));
  } catch {
    return "is not valid JSON";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return `is ${describe(value)}, expected an object`;
  }
  return new Map(Object.entries(value));
}

const pick = (fields: Fields, names: readonly string[]): unknown =>
  fields.get(names.find((name) => fields.has(name)) ?? "");
const hasField = (fields: Fields, names: readonly string[]): boolean =>
  names.some((name) => fields.has(name));
/** The field that a row has, or, with the fields that it has instead, those that it could have. */
function fieldOf(fields: Fields, names: readonly string[]): string {
  const own = names.find((name) => fields.has(name));
  if (own !== undefined) return `"${own}"`;
  const found = [...fields.keys()].slice(0, 8).map((name) => JSON.stringify(name.slice(0, 40)));
  return `"${names.join('" or "')}" (found ${found.length === 0 ? "no field" : found.join(", ")})`;
}

function wordsRow(
  fields: Fields,
  { words: wordNames, tags: tagNames }: Columns,
): FoundRow | string {
  const words = pick(fields, wordNames);
  const tags = pick(fields, tagNames);
  if (!Array.isArray(words)) {
    return hasField(fields, wordNames)
      ? `${fieldOf(fields, wordNames)} is ${describe(words)}, expected a list of words`
      : "has no words and tags, which a token task needs";
  }
  if (!Array.isArray(tags)) {
    return `${fieldOf(fields, tagNames)} is ${describe(tags)}, expected a list of tags; --label-column names the field`;
  }
  const noWord = words.findIndex((word) => typeof word !== "string" || word === "");
  if (noWord >= 0) return `word ${noWord + 1} is ${describe(words[noWord])}, expected a string`;
  const labels = tags.map(labelText);
  const noTag = labels.indexOf(null);
  if (noTag >= 0) return `tag ${noTag + 1} is ${describe(tags[noTag])}, expected a tag`;
  return { ...joinWords(words as string[]), labels: labels as string[] };
}

function textRow(fields: Fields, columns: Columns): FoundRow | string {
  const text = pick(fields, columns.text);
  if (typeof text !== "string") {
    return Array.isArray(pick(fields, columns.words))
      ? "has words and tags; a sequence task needs a text and a label (--type token reads words)"
      : `${fieldOf(fields, columns.text)} is ${describe(text)}, expected a string`;
  }
  const pair = pick(fields, columns.pair);
  if (pair !== undefined && pair !== null && typeof pair !== "string") {
    return `${fieldOf(fields, columns.pair)} is ${describe(pair)}, expected a string`;
  }
  const own = { text, ...(typeof pair === "string" && { pair }) };
  if (columns.label === null) return { ...own, labels: [] };
  const label = pick(fields, columns.label);
  const scores = scoresOf(label);
  if (typeof scores === "string") return `${fieldOf(fields, columns.label)}: ${scores}`;
  if (scores !== null) {
    const labels = scores.map(([name]) => name);
    return { ...own, labels, scores };
  }
  const printed = typeof label === "string" ? printedPlaces(label) : null;
  const isList = Array.isArray(label) || printed !== null;
  const list: readonly unknown[] = Array.isArray(label) ? label : (printed ?? [label]);
  const labels = list.map(labelText);
  if (labels.includes(null)) {
    return `${fieldOf(fields, columns.label)} is ${describe(label)}, expected a label`;
  }
  const share = list.find((item) => typeof item === "number" && !Number.isInteger(item));
  if (list.length > 1 && share !== undefined) {
    return `${fieldOf(fields, columns.label)} is a list with the number ${String(share)}; expected the names of the labels that hold, or 0 and 1 for each of --label-names`;
  }
  return { ...own, labels: labels as string[], ...(isList && { isList }) };
}

/** A label as text; null for what is no label. */
function labelText(value: unknown): string | null {
  if (value instanceof WrittenNumber) return value.text;
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : null;
}

/** Parallel files, line by line: words with tags, or texts with labels. */
export function* parallelRows(
  text: string,
  tagText: string | null,
  labelText: string | null,
): Generator<RawRow> {
  const others = [...lines(tagText ?? labelText ?? "")];
  const split = (line: string): string[] => line.split(/[\t \r]+/);
  let index = 0;
  for (const [line, content] of lines(text)) {
    const other = withoutBlanks(others[index++]?.[1] ?? "");
    const own = withoutBlanks(content);
    if (own === "" && other === "") continue;
    if (other === "") yield { line, problem: "has no line beside it in the other file" };
    else if (tagText === null) yield { line, text: own, labels: [other] };
    else yield { line, ...joinWords(split(own)), labels: split(other) };
  }
}

function placesOf(header: readonly string[], columns: Columns): Places {
  const names = header.map((name) => name.trim());
  const find = (wanted: readonly string[]): number => {
    for (const name of wanted) if (names.includes(name)) return names.indexOf(name);
    return -1;
  };
  const places = {
    text: find(columns.text),
    pair: find(columns.pair),
    label: find(columns.label ?? []),
    count: names.length,
  };
  for (const kind of ["text", "label"] as const) {
    const wanted = columns[kind];
    if (places[kind] >= 0 || wanted === null) continue;
    const found = names.map((name) => JSON.stringify(name.slice(0, 40))).join(", ");
    throw new InputError(
      "data-column-missing",
      `${columns.subject}: no ${kind} column "${wanted.join('" or "')}"; found ${found}. Name it with --${kind}-column; a file without a header needs --columns a,b,..${names.length === 1 ? "; is it separated by another character? --format csv --separator names it" : ""}`,
    );
  }
  return places;
}

/** A list as Python and NumPy print it: `[1, 0, 0]`, `[1. 0. 0.]`. */
const PRINTED_PLACES = /^\[\s*([01](?:\.0*)?(?:(?:\s*,\s*|\s+)[01](?:\.0*)?)+)\s*\]$/;

/** The zeros and ones of a list that was printed as text; null for any other label. */
const printedPlaces = (label: string): string[] | null =>
  PRINTED_PLACES.exec(label.trim())?.[1]?.split(/[\s,]+/) ?? null;

function fieldsRow(
  fields: readonly string[],
  places: Places,
  line: number,
  labelSeparator: string | undefined,
): RawRow {
  if (fields.length !== places.count) {
    return { line, problem: `has ${fields.length} columns, expected ${places.count}` };
  }
  const text = fields[places.text]!;
  const own = { line, text, ...(places.pair >= 0 && { pair: fields[places.pair]! }) };
  if (places.label < 0) return { ...own, labels: [] };
  const label = fields[places.label]!.trim();
  // Of several labels there may be none: a text that nothing is true of.
  if (label === "" && labelSeparator === undefined) return { line, problem: "the label is empty" };
  const list =
    printedPlaces(label) ??
    (labelSeparator === undefined
      ? null
      : label.split(labelSeparator).flatMap((item) => (item.trim() === "" ? [] : [item.trim()])));
  return { ...own, labels: list ?? [label], ...(list && { isList: true }) };
}
