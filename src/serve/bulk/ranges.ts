/**
 * Cuts a file into ranges of bytes that end where a record ends: what a message of the queue names, so
 * that no message holds a row. Reads the file window by window, and decodes none of it.
 */
import { joinBytes } from "../../core/bytes.ts";
import { LINES, MAX_RECORD_BYTES, countLineEnds, isBlank, recordEnd } from "./records.ts";
import type { RecordFormat } from "./records.ts";

/** A piece of a file: bytes [start, end), which begins with the line `line` of the file, from 1. */
export interface Range {
  readonly start: number;
  readonly end: number;
  readonly line: number;
  /** Records in it that are not blank. */
  readonly rows: number;
}

/**
 * A range is the unit that is lost and done again when a consumer dies, and what consumers share a job
 * by: at 300 microseconds a token, 128 KiB of English cost about ten seconds.
 */
export const RANGE_BYTES = 131_072;

/** Two of the longest records fit: so one is seen whole from where it begins. */
const WINDOW_BYTES = 2 * MAX_RECORD_BYTES;

export interface CutOptions {
  readonly format: RecordFormat;
  /** Where the first record begins. */
  readonly start: number;
  readonly line: number;
  /** Length of the whole file. */
  readonly bytes: number;
  readonly rangeBytes?: number;
  readonly windowBytes?: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** The ranges of a file, in order and without a gap from `start` to its end. */
export async function* cutRanges(options: CutOptions): AsyncGenerator<Range> {
  const { format, bytes: size, read } = options;
  const { rangeBytes = RANGE_BYTES, windowBytes = WINDOW_BYTES } = options;
  let open = { start: options.start, line: options.line, rows: 0 };
  let line = options.line;
  /** Bytes from `at` on that have been read and belong to no record yet. */
  let window: Uint8Array = new Uint8Array(0);
  let at = options.start;
  /** A record so long that its bytes are passed over until a line ends. */
  let isLong = false;
  while (at < size || window.length > 0) {
    const from = at + window.length;
    const length = Math.min(windowBytes, size - from);
    if (length > 0) window = joinBytes([window, await read(from, length)]);
    const isLast = at + window.length >= size;
    let used = 0;
    while (used < window.length) {
      // Of a record that is too long, the line end is what counts, quotes or not.
      const end = recordEnd(window, used, isLong ? LINES : format, isLast);
      if (end === -1) break;
      line += countLineEnds(window, used, end);
      if (isLong || !isBlank(window, used, end)) open.rows++;
      isLong = false;
      used = end;
      if (at + used - open.start >= rangeBytes) {
        yield { ...open, end: at + used };
        open = { start: at + used, line, rows: 0 };
      }
    }
    const rest = window.subarray(used);
    at += used;
    if (rest.length >= MAX_RECORD_BYTES) {
      isLong = true;
      // Only lines end it, and there is none in these bytes or the quotes would have been given up.
      at += rest.length;
      window = new Uint8Array(0);
    } else window = rest.slice();
  }
  if (open.start < size) yield { ...open, end: size };
}
