/**
 * Answers questions about one code point from the range tables, in constant time for everything
 * that is asked per character: one byte of flags per code point, filled on first use.
 */
import * as tables from "./unicode-tables.ts";

export const REMOVED = 1;
export const SPACE = 2;
export const CJK = 4;
export const DECOMPOSES = 8;
export const MARK = 16;
export const PUNCTUATION = 32;
/** Has a canonical combining class above 0, so NFD may reorder it. */
export const NONSTARTER = 64;
export const UPPERCASE = 128;

const CODE_POINTS = 0x110000;

let flags: Uint8Array | undefined;

/** The flags of every code point, [0x110000]; 1.1 MB, built once in about a millisecond. */
export function codePointFlags(): Uint8Array {
  if (flags) return flags;
  const table = new Uint8Array(CODE_POINTS);
  const fill = (ranges: Ranges, flag: number): void => {
    for (let i = 0; i < ranges.starts.length; i++) {
      for (let code = ranges.starts[i]!; code < ranges.ends[i]!; code++) table[code]! |= flag;
    }
  };
  fill(readRanges(tables.REMOVED), REMOVED);
  fill(readRanges(tables.SPACE), SPACE);
  fill(readRanges(tables.CJK), CJK);
  fill(readRanges(tables.DECOMPOSES), DECOMPOSES);
  fill(readRanges(tables.MARK), MARK);
  fill(readRanges(tables.PUNCTUATION), PUNCTUATION);
  fill(classes(), NONSTARTER);
  const lower = lowercaseRuns();
  for (let i = 0; i < lower.starts.length; i++) {
    const stride = lower.strides[i]!;
    for (let code = lower.starts[i]!; code < lower.ends[i]!; code += stride) {
      table[code]! |= UPPERCASE;
    }
  }
  table[DOTTED_CAPITAL_I]! |= UPPERCASE;
  flags = table;
  return table;
}

/** What patterns call \p{L}, \p{N} and \s; a character is one of them at most. */
export const LETTER = 1;
export const NUMBER = 2;
export const PATTERN_SPACE = 3;

let kinds: Uint8Array | undefined;

/** The kind of every code point in a pattern, 0 for any other: [0x110000], built on first use. */
export function patternKinds(): Uint8Array {
  kinds ??= kindsOf([
    [tables.LETTER, LETTER],
    [tables.NUMBER, NUMBER],
    [tables.SPACE, PATTERN_SPACE],
  ]);
  return kinds;
}

/** Parts of grapheme clusters (UAX #29), as far as `precompiled.ts` needs them. */
export const EXTENDS = 1;
export const PREPENDED = 2;
export const BREAKS = 3;

let parts: Uint8Array | undefined;

/** The part that every code point has in a grapheme cluster, 0 for any other: [0x110000]. */
export function graphemeParts(): Uint8Array {
  parts ??= kindsOf([
    [tables.EXTENDS, EXTENDS],
    [tables.PREPENDED, PREPENDED],
    [tables.BREAKS, BREAKS],
  ]);
  return parts;
}

function kindsOf(kinds: readonly (readonly [table: string, kind: number])[]): Uint8Array {
  const table = new Uint8Array(CODE_POINTS);
  for (const [text, kind] of kinds) {
    const { starts, ends } = readRanges(text);
    for (const [i, start] of starts.entries()) table.fill(kind, start, ends[i]);
  }
  return table;
}

/** The one code point whose lowercase is two: "i" and U+0307. */
export const DOTTED_CAPITAL_I = 0x130;

/** Lowercase of a code point flagged UPPERCASE other than DOTTED_CAPITAL_I. */
export function lowercaseOf(code: number): number {
  const runs = lowercaseRuns();
  return code + runs.shifts[rangeOf(runs, code)]!;
}

/** Canonical combining class, 0 to 240. */
export function combiningClass(code: number): number {
  const ranges = classes();
  const i = rangeOf(ranges, code);
  return i < 0 ? 0 : ranges.values[i]!;
}

/** True for a character next to which a `single_word` added token does not match. */
export function isWordCharacter(code: number): boolean {
  return rangeOf(words(), code) >= 0;
}

/** Full canonical decomposition of a code point flagged DECOMPOSES. */
export function decompose(code: number): readonly number[] {
  const syllable = code - 0xac00;
  if (syllable >= 0 && syllable < 11172) {
    // Hangul by the standard's arithmetic: 588 = 21 vowels x 28 trailing consonants (or none).
    const trailing = syllable % 28;
    const pair = [0x1100 + Math.floor(syllable / 588), 0x1161 + Math.floor((syllable % 588) / 28)];
    return trailing ? [...pair, 0x11a7 + trailing] : pair;
  }
  let parts = decompositions.get(code);
  if (!parts) {
    // The engine's NFD is safe here: a decomposition never changes once its character exists, and
    // DECOMPOSES keeps out the characters that are newer than the table.
    parts = Array.from(String.fromCodePoint(code).normalize("NFD"), (c) => c.codePointAt(0)!);
    decompositions.set(code, parts);
  }
  return parts;
}

const decompositions = new Map<number, readonly number[]>();

/** Full compatibility decomposition of any code point; itself where it has none. */
export function decomposeCompatibly(code: number): readonly number[] {
  if (rangeOf(compatible(), code) < 0) {
    return codePointFlags()[code]! & DECOMPOSES ? decompose(code) : [code];
  }
  let parts = compatibleOnes.get(code);
  if (!parts) {
    parts = Array.from(String.fromCodePoint(code).normalize("NFKD"), (c) => c.codePointAt(0)!);
    compatibleOnes.set(code, parts);
  }
  return parts;
}

const compatibleOnes = new Map<number, readonly number[]>();

/** Sorted half-open ranges. */
interface Ranges {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** True for a combining mark of any kind, which the normalizer StripAccents drops. */
export const isCombining = (code: number): boolean => rangeOf(combining(), code) >= 0;

const combining = once(() => readRanges(tables.COMBINING));

const compatible = once(() => readRanges(tables.COMPATIBLE));

const words = once(() => readRanges(tables.WORD));

const classes = once(() => {
  const { columns, starts, ends } = readTable(tables.CLASSES, 3, (gapLength) => gapLength);
  return { starts, ends, values: columns[2]! };
});

const lowercaseRuns = once(() => {
  const extent = (count: number, stride: number): number => (count - 1) * stride + 1;
  const { columns, starts, ends } = readTable(tables.LOWERCASE, 4, extent);
  return { starts, ends, strides: columns[2]!, shifts: columns[3]! };
});

function readRanges(table: string): Ranges {
  return readTable(table, 2, (length) => length);
}

/** Reads rows of `width` base 36 numbers; `extent` is how far a row reaches, from columns 1 and 2. */
function readTable(
  table: string,
  width: number,
  extent: (second: number, third: number) => number,
): Ranges & { columns: readonly Int32Array[] } {
  const numbers = table.split(" ").map((digits) => Number.parseInt(digits, 36));
  const rows = numbers.length / width;
  const columns = Array.from({ length: width }, (_, column) =>
    Int32Array.from({ length: rows }, (_, row) => numbers[row * width + column]!),
  );
  const starts = new Int32Array(rows);
  const ends = new Int32Array(rows);
  let end = 0;
  for (let row = 0; row < rows; row++) {
    starts[row] = end + columns[0]![row]!;
    end = starts[row]! + extent(columns[1]![row]!, columns[2]?.[row] ?? 1);
    ends[row] = end;
  }
  return { columns, starts, ends };
}

/** Index of the range that holds `code`, or -1; binary search. */
function rangeOf(ranges: Ranges, code: number): number {
  let low = 0;
  let high = ranges.starts.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (code < ranges.starts[middle]!) high = middle - 1;
    else if (code >= ranges.ends[middle]!) low = middle + 1;
    else return middle;
  }
  return -1;
}

/** A value that is made on first use: nothing is decoded when a Worker only loads this module. */
function once<T>(make: () => T): () => T {
  let value: { readonly made: T } | undefined;
  return () => (value ??= { made: make() }).made;
}
