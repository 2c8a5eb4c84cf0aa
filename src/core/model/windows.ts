/**
 * Texts longer than a window, and how their answers are put together again.
 *
 * Splitting: windows of equal size, overlapping by at least `stride` pieces; the last one ends with
 * the text, so that no window is a short rest. A text that fits is one window, exactly as if windows
 * did not exist. Of a pair, the longer text is windowed and the other repeated in every window.
 *
 * Merging: a sequence's logits are the mean over its windows; a piece takes the logits of the window
 * in which it stands farthest from a seam (the text's own ends are no seams), so every piece is
 * answered once and an entity across a seam is found once.
 */
import { InputError, LimitError } from "../errors.ts";
import type { Encoding, Pieces, Tokenizer } from "../tokenizer/tokenizer.ts";

export interface WindowOptions {
  /** Longest window in tokens, special tokens included. */
  readonly maxLength: number;
  /** Pieces that neighbouring windows share, at least; `defaultStride` when it is left out. */
  readonly stride?: number | undefined;
  /** Cut instead of windowing; of a pair, the longer text first. */
  readonly truncation: boolean;
  /** More windows than this are refused before any is made. */
  readonly maxWindows?: number | undefined;
}

export interface Window {
  readonly encoding: Encoding;
  /** Index of the window's first piece among the windowed text's pieces. */
  readonly firstPiece: number;
  readonly pieceCount: number;
  /** Row of the encoding at which that first piece stands. */
  readonly firstRow: number;
}

export interface Split {
  /** The windowed text: of a pair that does not fit, the longer one. */
  readonly text: string;
  /** Pieces of the windowed text, all of them (what was cut off excepted). */
  readonly pieces: Pieces;
  readonly windows: readonly Window[];
  readonly isTruncated: boolean;
}

/** Neighbouring windows share this many pieces unless the caller says otherwise. */
const DEFAULT_STRIDE = 64;

/** The stride of windows of `maxLength` tokens: 64, or a quarter of a short window. */
const defaultStride = (maxLength: number): number =>
  Math.min(DEFAULT_STRIDE, Math.floor(maxLength / 4));

/**
 * Splits a text or a pair into windows. Throws InputError `max-length-invalid`, `stride-invalid`,
 * LimitError `pair-too-long`, `too-many-windows`.
 */
export function splitWindows(
  tokenizer: Tokenizer,
  text: string,
  pair: string | undefined,
  { maxLength, stride: wanted, truncation, maxWindows = Infinity }: WindowOptions,
): Split {
  let first = tokenizer.tokenize(text);
  let second = pair === undefined ? undefined : tokenizer.tokenize(pair);
  const specials = tokenizer.specialTokenCount(second !== undefined);
  const room = maxLength - specials;
  if (room < 1) {
    throw new InputError(
      "max-length-invalid",
      `max_length: is ${maxLength}, must be above ${specials}, the number of special tokens`,
    );
  }
  const total = first.ids.length + (second?.ids.length ?? 0);
  const isTruncated = truncation && total > room;
  if (isTruncated) {
    const kept = truncate(first.ids.length, second?.ids.length ?? 0, room);
    first = slicePieces(first, 0, kept.first);
    second &&= slicePieces(second, 0, kept.second);
  }
  if (total <= room || isTruncated) {
    return { text, pieces: first, windows: [whole(tokenizer, first, second)], isTruncated };
  }

  const isSecondLonger = second !== undefined && second.ids.length > first.ids.length;
  const long = isSecondLonger ? second! : first;
  const short = isSecondLonger ? first : second;
  const size = room - (short?.ids.length ?? 0);
  if (size < room / 2) {
    throw new LimitError(
      "pair-too-long",
      `text pair: both texts are long (${first.ids.length} and ${second?.ids.length ?? 0} pieces), one of them may have at most ${Math.floor(room / 2)}; shorten one or set "truncation": true`,
    );
  }
  // Beside a long second text there may be less room than the default stride takes, so it is reduced;
  // a stride that the caller has named is not.
  const stride = wanted ?? Math.min(defaultStride(maxLength), size - 1);
  if (!Number.isInteger(stride) || stride < 0 || stride >= size) {
    throw new InputError(
      "stride-invalid",
      `stride: is ${stride}, must be a whole number from 0 and below ${size} (max_length ${maxLength} less special tokens and the other text)`,
    );
  }
  const count = Math.ceil((long.ids.length - stride) / (size - stride));
  if (count > maxWindows) {
    throw new LimitError(
      "too-many-windows",
      `text: has ${long.ids.length} tokens and needs ${count} windows, allowed are ${maxWindows}; send it in parts or set "truncation": true`,
    );
  }
  const windows = Array.from({ length: count }, (_, i): Window => {
    const firstPiece = Math.min(i * (size - stride), long.ids.length - size);
    const part = slicePieces(long, firstPiece, firstPiece + size);
    const encoding =
      isSecondLonger && short ? tokenizer.combine(short, part) : tokenizer.combine(part, short);
    const firstRow = encoding.sequenceIds.indexOf(isSecondLonger ? 1 : 0);
    return { encoding, firstPiece, pieceCount: size, firstRow };
  });
  return { text: isSecondLonger ? pair! : text, pieces: long, windows, isTruncated };
}

function whole(tokenizer: Tokenizer, first: Pieces, second: Pieces | undefined): Window {
  const encoding = tokenizer.combine(first, second);
  const firstRow = Math.max(0, encoding.sequenceIds.indexOf(0));
  return { encoding, firstPiece: 0, pieceCount: first.ids.length, firstRow };
}

/** Lengths that two texts keep when the longer is cut first, as Hugging Face's `longest_first`. */
function truncate(first: number, second: number, room: number): { first: number; second: number } {
  const half = Math.floor(room / 2);
  if (second <= half) return { first: Math.min(first, room - second), second };
  if (first <= half) return { first, second: Math.min(second, room - first) };
  // Both are cut: of an odd room the longer text gets the odd piece, of equal texts the second.
  return first > second
    ? { first: room - half, second: half }
    : { first: half, second: room - half };
}

function slicePieces(pieces: Pieces, start: number, end: number): Pieces {
  return {
    ids: pieces.ids.subarray(start, end),
    starts: pieces.starts.subarray(start, end),
    ends: pieces.ends.subarray(start, end),
    wordIds: pieces.wordIds.subarray(start, end),
  };
}

/** Logits of a sequence [C] from those of its windows. */
export function mergeSequence(logits: readonly Float32Array[]): Float32Array {
  const [only] = logits;
  if (only && logits.length === 1) return only;
  // In double precision: thousands of windows would round their own sum away.
  const sums = new Float64Array(only?.length ?? 0);
  for (const row of logits) row.forEach((value, c) => (sums[c] = sums[c]! + value));
  return Float32Array.from(sums, (sum) => sum / logits.length);
}

/**
 * Logits per piece, from the logits per token of every window: `logits[w][row]` is [C]. Rows of
 * special tokens and of the repeated text of a pair are dropped.
 */
export function mergeTokens(
  split: Pick<Split, "pieces" | "windows">,
  logits: readonly (readonly Float32Array[])[],
): Float32Array[] {
  const total = split.pieces.ids.length;
  const merged: Float32Array[] = [];
  const margins = new Float64Array(total).fill(-1);
  for (const [w, { firstPiece, pieceCount, firstRow }] of split.windows.entries()) {
    const isAtStart = firstPiece === 0;
    const isAtEnd = firstPiece + pieceCount === total;
    for (let at = 0; at < pieceCount; at++) {
      const margin = Math.min(isAtStart ? Infinity : at, isAtEnd ? Infinity : pieceCount - 1 - at);
      const piece = firstPiece + at;
      if (margin <= margins[piece]!) continue;
      margins[piece] = margin;
      merged[piece] = logits[w]![firstRow + at]!;
    }
  }
  return merged;
}
