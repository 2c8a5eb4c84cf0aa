/**
 * Comma separated values: RFC 4180 and what people make of it. A quote inside an unquoted field is
 * a character, blanks around a quoted one are not, and semicolons or tabs may separate.
 */

/** One record with the line it begins in, or what is wrong with that line. */
export type CsvRecord =
  | { readonly line: number; readonly fields: readonly string[] }
  | { readonly line: number; readonly problem: string };

/** Where a record ends (behind its line end), or why there is none. */
type Reading = { fields: string[]; end: number; lines: number } | { problem: string };

/**
 * The records of a text, empty lines left out. A record that breaks the rules costs the line it
 * begins in and reading goes on with the next one: an unclosed quote would swallow the rest. Excel's
 * first line `sep=;`, which names the separator, is no record.
 */
export function* csvRecords(given: string, separator: string): Generator<CsvRecord> {
  const text = given.includes("\n") ? given : given.replaceAll("\r", "\n");
  let [at, line] = [0, 1];
  if (separatorLine(text) !== null) [at, line] = [lineEnd(text, 0) + 1, 2];
  while (at < text.length) {
    const record = readRecord(text, at, separator);
    if ("problem" in record) {
      yield { line, problem: `is not valid csv: ${record.problem}` };
      at = lineEnd(text, at) + 1;
      line += 1;
      continue;
    }
    const { fields, end, lines } = record;
    if (fields.length > 1 || fields[0]!.trim() !== "") yield { line, fields };
    at = end;
    line += lines;
  }
}

/** What may separate columns, in the order in which equal candidates are chosen. */
const SEPARATORS = [",", ";", "\t", "|"];
/** Enough to tell a separator from a comma that many texts happen to have. */
const SAMPLE_ROWS = 100;
const SAMPLE_CHARACTERS = 200_000;

/** What a table is known to have: groups of column names, or the number of its columns. */
export interface ExpectedTable {
  /** Of each group a header should have one. */
  readonly names: readonly (readonly string[])[];
  /** Columns of a table without a header. */
  readonly count?: number;
}

/**
 * The character that separates the columns of a table: the one whose header has the wanted names,
 * then the one that gives most of the first rows as many columns as the header, outside of quotes.
 */
export function separatorOf(text: string, expected: ExpectedTable): string {
  const named = separatorLine(text);
  if (named !== null) return named;
  const sample = text.slice(0, SAMPLE_CHARACTERS);
  const ranked = SEPARATORS.map((separator) => ({
    separator,
    rank: rankOf(sample, separator, expected),
  }));
  return ranked.reduce((best, other) => (isBetter(other.rank, best.rank) ? other : best)).separator;
}

/** How well a separator fits: the first number decides, then the next. */
function rankOf(
  sample: string,
  separator: string,
  { names, count }: ExpectedTable,
): readonly number[] {
  const records: CsvRecord[] = [];
  for (const record of csvRecords(sample, separator)) {
    records.push(record);
    if (records.length === SAMPLE_ROWS) break;
  }
  // The sample may end within its last record.
  if (records.length > 1 && sample.length === SAMPLE_CHARACTERS) records.pop();
  const rows = records.map((record) => ("fields" in record ? record.fields : []));
  const header = count === undefined ? (rows[0] ?? []).map((name) => name.trim()) : [];
  const found = names.filter((group) => group.some((name) => header.includes(name))).length;
  const width = count ?? header.length;
  const fitting = rows.filter(({ length }) => length === width && width > 1);
  // In prose a comma is followed by a space.
  const tight = fitting.filter((fields) =>
    fields.slice(1).every((field) => !field.startsWith(" ")),
  );
  return [found, fitting.length / rows.length, tight.length];
}

function isBetter(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at >= 0 && a[at]! > b[at]!;
}

/** The separator that a first line `sep=;` names; null where there is none. */
const separatorLine = (text: string): string | null =>
  /^"?sep=([^"\r\n])"?[ \r]*(?:\n|$)/i.exec(text)?.[1] ?? null;

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function readRecord(text: string, start: number, separator: string): Reading {
  const fields: string[] = [];
  let lines = 1;
  /** End of the line in which the field begins. */
  let end = -1;
  for (let at = start; ;) {
    let next: number;
    const opening = skipBlanks(text, at, separator);
    if (text[opening] === '"') {
      const closing = closingQuote(text, opening + 1);
      if (closing < 0) return { problem: "a quote opens and is never closed" };
      const field = text.slice(opening + 1, closing);
      lines += field.split("\n").length - 1;
      fields.push(field.replaceAll('""', '"'));
      next = skipBlanks(text, closing + 1, separator);
      if (text[next] === "\r" && (next + 1 === text.length || text[next + 1] === "\n")) next += 1;
      if (next < text.length && text[next] !== separator && text[next] !== "\n") {
        return { problem: `text after a closing quote: ${shown(text.slice(next))}` };
      }
    } else {
      if (end < at) end = lineEnd(text, at);
      // Within the line: in a file without this separator each line would search all that follows.
      const separated = text.slice(at, end).indexOf(separator);
      next = separated < 0 ? end : at + separated;
      const isLast = next === end;
      fields.push(text.slice(at, isLast && text[next - 1] === "\r" && next > at ? next - 1 : next));
    }
    if (text[next] !== separator) return { fields, end: next + 1, lines };
    at = next + 1;
  }
}

/** The quote that ends a field; a doubled one stands for itself. -1 when there is none. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) {
    if (text[at + 1] !== '"') return at;
  }
  return -1;
}

/** Past spaces and, where they do not separate, tabs. */
function skipBlanks(text: string, from: number, separator: string): number {
  const isBlank = (char: string | undefined): boolean =>
    char === " " || (char === "\t" && char !== separator);
  let at = from;
  while (isBlank(text[at])) at += 1;
  return at;
}

const shown = (rest: string): string =>
  JSON.stringify(rest.slice(0, Math.min(20, lineEnd(rest, 0))));
