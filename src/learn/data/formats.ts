/**
 * One generator per data format: text -> rows with the line each begins in. They only take files
 * apart; what makes a row usable is decided once, in read.ts.
 */
import { InputError } from "../../core/errors.ts";
import { describe } from "../../core/record.ts";
import { csvRecords } from "./csv.ts";

/** Part of a text. */
export interface Span {
  readonly start: number; // UTF-16 units
  readonly end: number;
}

/** What a format finds: a text with its labels, or what is wrong with the row. */
export type RawRow =
  | { readonly line: number; readonly problem: string }
  | {
      readonly line: number;
      readonly text: string;
      readonly pair?: string;
      readonly labels: readonly string[];
      readonly words?: readonly Span[];
    };

/** Names under which a column is looked for, in order of preference. */
export interface Columns {
  readonly text: readonly string[];
  readonly pair: readonly string[];
  readonly label: readonly string[];
  /** The names, when the file has no header. */
  readonly given: readonly string[] | undefined;
  /** Between several labels of a csv or tsv field; without it a field is one label. */
  readonly separator: string | undefined;
  readonly subject: string;
}

/** Where the columns are in this file; -1 when there is no pair. */
interface Places {
  readonly text: number;
  readonly pair: number;
  readonly label: number;
  readonly count: number;
}

/** Comma separated with quotes (csv.ts); quoted fields may hold line breaks. */
export function* csvRows(text: string, columns: Columns): Generator<RawRow> {
  let places = columns.given ? placesOf(columns.given, columns) : null;
  for (const record of csvRecords(text)) {
    if ("problem" in record) yield record;
    else if (places === null) places = placesOf(record.fields, columns);
    else yield fieldsRow(record.fields, places, record.line, columns.separator);
  }
}

/** Tab separated, one row a line, no quoting: a quote is a character of the text. */
export function* tsvRows(text: string, columns: Columns): Generator<RawRow> {
  let places = columns.given ? placesOf(columns.given, columns) : null;
  for (const [line, content] of lines(text)) {
    if (content.trim() === "") continue;
    const fields = content.split("\t");
    if (places === null) places = placesOf(fields, columns);
    else yield fieldsRow(fields, places, line, columns.separator);
  }
}

/** One JSON object a line: text, pair and label, or `tokens` and `tags` for a token task. */
export function* jsonlRows(text: string, columns: Columns): Generator<RawRow> {
  for (const [line, content] of lines(text)) {
    if (content.trim() !== "") yield { line, ...jsonRow(content, columns) };
  }
}

type RowBody =
  { problem: string } | { text: string; pair?: string; labels: string[]; words?: Span[] };

function jsonRow(content: string, columns: Columns): RowBody {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    return { problem: "is not valid JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { problem: `is ${describe(value)}, expected an object` };
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  const pick = (names: readonly string[]): unknown =>
    fields.get(names.find((name) => fields.has(name)) ?? "");
  const tokens = fields.get("tokens");
  const tags = fields.get("tags");
  if (isStrings(tokens) && isStrings(tags)) return { ...joinWords(tokens), labels: tags };

  const text = pick(columns.text);
  if (typeof text !== "string") {
    return { problem: `"${columns.text.join(" or ")}" is ${describe(text)}, expected a string` };
  }
  const pair = pick(columns.pair);
  if (pair !== undefined && pair !== null && typeof pair !== "string") {
    return { problem: `"${columns.pair.join(" or ")}" is ${describe(pair)}, expected a string` };
  }
  const label = pick(columns.label);
  const list = Array.isArray(label) ? label : [label];
  if (!list.every((item) => ["string", "number", "boolean"].includes(typeof item))) {
    return { problem: `"${columns.label.join(" or ")}" is ${describe(label)}, expected a label` };
  }
  const labels = list.map(String);
  return typeof pair === "string" ? { text, pair, labels } : { text, labels };
}

/** One word a line, its tag in `tagColumn` (from 1), a blank line after each sentence. */
export function* conllRows(text: string, tagColumn: number): Generator<RawRow> {
  let start = 1;
  let words: string[] = [];
  let tags: string[] = [];
  let problem: string | null = null;
  function* flush(next: number): Generator<RawRow> {
    if (problem !== null) yield { line: start, problem };
    else if (words.length > 0) yield { line: start, ...joinWords(words), labels: tags };
    [start, words, tags, problem] = [next, [], [], null];
  }
  for (const [line, content] of lines(text)) {
    if (content.trim() === "") {
      yield* flush(line + 1);
      continue;
    }
    if (content.startsWith("-DOCSTART-")) continue;
    const fields = content.includes("\t") ? content.split("\t") : content.trim().split(/ +/);
    const word = fields[0]!.trim();
    const tag = fields[tagColumn - 1]?.trim();
    if (words.length === 0 && problem === null) start = line;
    if (word === "" || !tag) {
      problem ??= `line ${line} has ${fields.length} columns, expected a word and a tag in column ${tagColumn}`;
    } else {
      words.push(word);
      tags.push(tag);
    }
  }
  yield* flush(0);
}

/** Parallel files, line by line: words with tags, or texts with labels. */
export function* parallelRows(
  text: string,
  tagText: string | null,
  labelText: string | null,
): Generator<RawRow> {
  const others = [...lines(tagText ?? labelText ?? "")];
  let index = 0;
  for (const [line, content] of lines(text)) {
    const other = others[index++]?.[1].trim();
    if (content.trim() === "" && !other) continue;
    if (!other) yield { line, problem: "has no line beside it in the other file" };
    else if (tagText === null) yield { line, text: content.trim(), labels: [other] };
    else yield { line, ...joinWords(content.trim().split(/ +/)), labels: other.split(/ +/) };
  }
}

/** Lines from 1, without their ends; a byte order mark is not part of the first. */
function* lines(text: string): Generator<[number, string]> {
  let line = 1;
  let start = text.startsWith("\uFEFF") ? 1 : 0;
  while (start < text.length) {
    const end = text.indexOf("\n", start);
    const stop = end < 0 ? text.length : end;
    yield [line, text.slice(start, text[stop - 1] === "\r" && stop > start ? stop - 1 : stop)];
    start = stop + 1;
    line += 1;
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
    label: find(columns.label),
    count: names.length,
  };
  for (const kind of ["text", "label"] as const) {
    if (places[kind] >= 0) continue;
    const found = names.map((name) => JSON.stringify(name.slice(0, 40))).join(", ");
    throw new InputError(
      "data-column-missing",
      `${columns.subject}: no ${kind} column "${columns[kind].join('" or "')}"; found ${found}. Name it with --${kind}-column; a file without a header needs --columns a,b,..`,
    );
  }
  return places;
}

function fieldsRow(
  fields: readonly string[],
  places: Places,
  line: number,
  separator: string | undefined,
): RawRow {
  if (fields.length !== places.count) {
    return { line, problem: `has ${fields.length} columns, expected ${places.count}` };
  }
  const label = fields[places.label]!.trim();
  // Of several labels there may be none: a text that nothing is true of.
  if (label === "" && separator === undefined) return { line, problem: "the label is empty" };
  const labels =
    separator === undefined
      ? [label]
      : label.split(separator).flatMap((item) => (item.trim() === "" ? [] : [item.trim()]));
  const text = fields[places.text]!;
  if (places.pair < 0) return { line, text, labels };
  return { line, text, pair: fields[places.pair]!, labels };
}

/** Words -> one text with single spaces, and where each word lies in it. */
export function joinWords(words: readonly string[]): { text: string; words: Span[] } {
  let end = -1;
  const spans = words.map((word) => {
    const start = end + 1;
    end = start + word.length;
    return { start, end };
  });
  return { text: words.join(" "), words: spans };
}

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");
