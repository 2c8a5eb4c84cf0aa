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
 * begins in and reading goes on with the next one: a quote that nobody closes would swallow the rest.
 */
export function* csvRecords(given: string): Generator<CsvRecord> {
  const text = given.includes("\n") ? given : given.replaceAll("\r", "\n");
  let at = text.startsWith("\uFEFF") ? 1 : 0;
  const separator = separatorOf(text.slice(at, lineEnd(text, at)));
  let line = 1;
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

/** A first line without any comma cannot name two columns by commas. */
const separatorOf = (firstLine: string): string =>
  [",", ";", "\t"].find((separator) => firstLine.includes(separator)) ?? ",";

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function readRecord(text: string, start: number, separator: string): Reading {
  const fields: string[] = [];
  let lines = 1;
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
      const end = lineEnd(text, at);
      const separated = text.indexOf(separator, at);
      next = separated < 0 || separated > end ? end : separated;
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
