/**
 * Where the records of a file end: lines of JSON, or records of csv, whose quoted fields may hold
 * line ends. Works on bytes, so that a file is cut without being decoded; a line end is the byte 10 in
 * UTF-8, and in nothing else.
 */

export type RecordKind = "line" | "csv";

/** Longer records are not read: more than the longest text with every character escaped. */
export const MAX_RECORD_BYTES = 2_000_000;

const [LINE_FEED, RETURN, QUOTE, SPACE, TAB] = [0x0a, 0x0d, 0x22, 0x20, 0x09];

/** How a file is cut into records. */
export interface RecordFormat {
  readonly kind: RecordKind;
  /** The byte between the fields of csv; 0 for lines. */
  readonly separator: number;
}

/** Each line is a record. */
export const LINES: RecordFormat = { kind: "line", separator: 0 };

/**
 * The end of the record that begins at `start`, behind its line end; -1 when it does not end within
 * the bytes. `isWhole` says that the bytes end where a record does. A quote that opens and is closed
 * neither there nor within MAX_RECORD_BYTES costs the line it stands in.
 */
export function recordEnd(
  bytes: Uint8Array,
  start: number,
  { kind, separator }: RecordFormat,
  isWhole: boolean,
): number {
  const found = bytes.indexOf(LINE_FEED, start);
  const line = found !== -1 ? found + 1 : isWhole ? bytes.length : -1;
  if (kind === "line") return line;
  const limit = Math.min(bytes.length, start + MAX_RECORD_BYTES);
  let isQuoted = false;
  let isFieldStart = true;
  for (let i = start; i < limit; i++) {
    const byte = bytes[i]!;
    if (isQuoted) {
      if (byte !== QUOTE) continue;
      if (bytes[i + 1] === QUOTE) i++;
      else isQuoted = false;
    } else if (byte === LINE_FEED) return i + 1;
    else if (byte === separator) isFieldStart = true;
    else if (byte === QUOTE && isFieldStart) [isQuoted, isFieldStart] = [true, false];
    else if (byte !== SPACE && byte !== TAB) isFieldStart = false;
  }
  if (isWhole && !isQuoted && limit === bytes.length) return limit;
  const isUnclosed = isWhole || limit - start === MAX_RECORD_BYTES;
  return isUnclosed ? line : -1;
}

/** Whether a record is a line without anything on it. */
export function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte !== LINE_FEED && byte !== RETURN && byte !== SPACE && byte !== TAB) return false;
  }
  return true;
}

/** Line ends among the bytes: lines of a file are counted by them, whatever the records are. */
export function countLineEnds(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED, start); at !== -1 && at < end;) {
    count++;
    at = bytes.indexOf(LINE_FEED, at + 1);
  }
  return count;
}
