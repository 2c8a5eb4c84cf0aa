/** Lines and words of plain text files. Only tab, space and carriage return are blank in them. */

/**
 * Lines with their numbers from 1, without their ends. A text without any line feed is read as old
 * Mac files are: a carriage return ends a line.
 */
export function* lines(text: string): Generator<[line: number, content: string]> {
  const end = text.includes("\n") ? "\n" : "\r";
  let line = 1;
  for (let start = 0; start < text.length; line++) {
    const found = text.indexOf(end, start);
    const stop = found < 0 ? text.length : found;
    yield [line, text.slice(start, text[stop - 1] === "\r" && stop > start ? stop - 1 : stop)];
    start = stop + 1;
  }
}

/**
 * Without tabs, spaces and carriage returns at both ends. `trim` would also take characters that
 * may be a word of their own, such as U+00A0 and U+FEFF.
 */
export const withoutBlanks = (text: string): string =>
  withoutBlanksBehind(text).replace(/^[\t \r]+/, "");

/** The same at the end alone. */
export function withoutBlanksBehind(text: string): string {
  // A pattern such as /[\t \r]+$/ would begin anew at each blank within the text.
  let end = text.length;
  while (end > 0 && "\t \r".includes(text[end - 1]!)) end -= 1;
  return text.slice(0, end);
}

/** Whether a line holds nothing but tabs, spaces and carriage returns. */
export const isBlank = (text: string): boolean => /^[\t \r]*$/.test(text);

/** Part of a text. */
export interface Span {
  readonly start: number; // UTF-16 units
  readonly end: number;
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
