/**
 * tokenizer.json -> ids with offsets into the text, exactly as Python tokenizers gives them.
 *
 *     text -> cut at added tokens -> normalize -> words -> model -> Pieces
 *     Pieces (one or two texts) -> template -> Encoding
 *
 * The two halves are separate so that a long text is tokenized once and combined window by window.
 * Results are flat arrays; time is linear in the text; nothing depends on the engine's own Unicode
 * version. Half of a surrogate pair, alone, reads as U+FFFD (Python refuses such text).
 */
import { specialTokensOf } from "./post-processors/template.ts";
import {
  isBlank,
  isWhiteSpace,
  leadingSpaces,
  trailingSpaces,
} from "./post-processors/trim-offsets.ts";
import { TextBuffer, codePointAt, widthOf } from "./text/text-buffer.ts";
import { TokenizerFileReader } from "./tokenizer-file.ts";
import { readTokenizerJson, type Parts } from "./tokenizer-json.ts";

/**
 * Pieces of one text without special tokens; parallel arrays. Offsets are UTF-16 units into the
 * text. Every added token and every word of the pre-tokenizer has its own word id, from 0.
 */
export interface Pieces {
  readonly ids: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly wordIds: Int32Array;
}

/**
 * One model input; parallel arrays. Special tokens: start = end = 0, wordId = -1, sequenceId = -1.
 * Offsets are UTF-16 units into their own sequence's text.
 */
export interface Encoding {
  readonly ids: Int32Array;
  readonly typeIds: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly wordIds: Int32Array;
  readonly sequenceIds: Int32Array;
}

/** The pieces of each word, [from, to), in order. */
export function wordRanges(wordIds: Int32Array): (readonly [from: number, to: number])[] {
  const ranges: [number, number][] = [];
  for (let from = 0; from < wordIds.length;) {
    let to = from + 1;
    while (to < wordIds.length && wordIds[to] === wordIds[from]) to++;
    ranges.push([from, to]);
    from = to;
  }
  return ranges;
}

export interface Tokenizer {
  /** The highest id plus 1. */
  readonly vocabSize: number;
  readonly padId: number;
  /** Pieces of a text, without special tokens. */
  tokenize(text: string): Pieces;
  /** Adds special tokens and type ids by the post-processor's template. */
  combine(first: Pieces, second?: Pieces): Encoding;
  /** combine(tokenize(text), tokenize(pair)). */
  encode(text: string, pair?: string): Encoding;
  /** How many special tokens `combine` adds to one text, or to two. */
  specialTokenCount(isPair: boolean): number;
}

/**
 * Makes a tokenizer from the bytes of a tokenizer.json. Throws FormatError `tokenizer-unsupported` when
 * it has components that are not built here, `tokenizer-invalid` when it is malformed, `json-invalid`
 * when it is no JSON.
 */
export function createTokenizer(file: Uint8Array): Tokenizer {
  const reader = new TokenizerFileReader();
  reader.write(file);
  return fromParts(readTokenizerJson(reader.end()));
}

/**
 * The same from the file's pieces as they arrive: the file is never held whole. `pieces` are read to
 * their end even when they are no tokenizer, so that a damaged file fails with what `pieces` throws.
 */
export async function streamTokenizer(pieces: AsyncIterable<Uint8Array>): Promise<Tokenizer> {
  const reader = new TokenizerFileReader();
  let failure: { readonly error: unknown } | null = null;
  for await (const piece of pieces) {
    if (failure) continue;
    try {
      reader.write(piece);
    } catch (error) {
      failure = { error };
    }
  }
  if (failure) throw failure.error;
  return fromParts(readTokenizerJson(reader.end()));
}

function fromParts(parts: Parts): Tokenizer {
  const { template, vocabSize, padId } = parts;
  const tokenize = tokenizeWith(parts);

  const combine = (first: Pieces, second?: Pieces): Encoding => {
    const steps = second ? template.pair : template.single;
    const length = specialTokensOf(steps) + first.ids.length + (second?.ids.length ?? 0);
    const encoding = {
      ids: new Int32Array(length),
      typeIds: new Int32Array(length),
      starts: new Int32Array(length),
      ends: new Int32Array(length),
      wordIds: new Int32Array(length).fill(-1),
      sequenceIds: new Int32Array(length).fill(-1),
    };
    let at = 0;
    for (const step of steps) {
      const from = at;
      if ("ids" in step) {
        encoding.ids.set(step.ids, at);
        at += step.ids.length;
      } else {
        const pieces = step.sequence === 0 ? first : second!;
        encoding.ids.set(pieces.ids, at);
        encoding.starts.set(pieces.starts, at);
        encoding.ends.set(pieces.ends, at);
        encoding.wordIds.set(pieces.wordIds, at);
        at += pieces.ids.length;
        encoding.sequenceIds.fill(step.sequence, from, at);
      }
      encoding.typeIds.fill(step.typeId, from, at);
    }
    return encoding;
  };

  const counts = [specialTokensOf(template.single), specialTokensOf(template.pair)] as const;
  return {
    vocabSize,
    padId,
    tokenize,
    combine,
    encode: (text, pair) =>
      combine(tokenize(text), pair === undefined ? undefined : tokenize(pair)),
    specialTokenCount: (isPair) => counts[isPair ? 1 : 0],
  };
}

/** The first half: added tokens, normalizer, pre-tokenizer and model, over one reused buffer. */
function tokenizeWith(parts: Parts): (text: string) => Pieces {
  const { rawSplitter, normalizer, normalizedSplitter, model, trimming } = parts;
  const { prepare, split } = parts.preTokenizer;
  const normalized = new TextBuffer();
  const prepared = new TextBuffer();
  const segment = new TextBuffer();
  let buffer = normalized;
  const pieces = new PieceList();
  let text = "";
  let wordId = 0;

  /** Adds a token of the text [start, end), without the spaces at its ends where they are trimmed. */
  const addTrimmed = (
    id: number,
    start: number,
    end: number,
    before: number,
    after: number,
  ): void => {
    const isFirst = pieces.length === 0 || start === 0;
    // One space before the first token may be the one that was put there.
    const leading = trimming!.addsPrefixSpace && isFirst && before === 1 ? 0 : before;
    const from = Math.min(start + leading, end);
    pieces.add(id, from, end >= after ? Math.max(end - after, from) : end, wordId);
  };
  // The buffer remembers where each unit's code point starts; where it ends follows from the text.
  const addFromBuffer = (id: number, from: number, to: number): void => {
    const last = buffer.origin(to - 1);
    const start = buffer.origin(from);
    const end = last + widthOf(codePointAt(text, last));
    if (trimming) {
      const before = leadingSpaces(buffer, from, to, isBlank);
      addTrimmed(id, start, end, before, trailingSpaces(buffer, from, to, isBlank));
    } else {
      pieces.add(id, start, end, wordId);
    }
  };
  const addAdded = (id: number, start: number, end: number): void => {
    if (trimming) {
      const before = leadingSpaces(text, start, end, isWhiteSpace);
      addTrimmed(id, start, end, before, trailingSpaces(text, start, end, isWhiteSpace));
    } else {
      pieces.add(id, start, end, wordId);
    }
    wordId++;
  };
  const addWord = (start: number, end: number): void => {
    model(buffer, start, end, addFromBuffer);
    wordId++;
  };
  /** Text between two added tokens. */
  const addText = (start: number, end: number): void => {
    if (!prepare) {
      split(buffer, start, end, addWord);
      return;
    }
    let input = normalized;
    if (end - start < normalized.length) {
      input = segment;
      segment.reset();
      segment.append(normalized, start, end);
    }
    prepared.reset();
    prepare(input, prepared);
    buffer = prepared;
    split(buffer, 0, buffer.length, addWord);
    buffer = normalized;
  };
  const addNormalized = (id: number, start: number, end: number): void => {
    if (id < 0) {
      addText(start, end);
    } else {
      const last = buffer.origin(end - 1);
      addAdded(id, buffer.origin(start), last + widthOf(codePointAt(text, last)));
    }
  };
  const addRaw = (id: number, start: number, end: number): void => {
    if (id >= 0) {
      addAdded(id, start, end);
      return;
    }
    buffer.reset();
    normalizer(text, start, end, buffer);
    if (normalizedSplitter) normalizedSplitter(buffer, addNormalized);
    else addText(0, buffer.length);
  };

  return (input) => {
    text = input;
    wordId = 0;
    if (rawSplitter) rawSplitter(text, addRaw);
    else addRaw(-1, 0, text.length);
    for (const each of [normalized, segment, prepared]) each.reset();
    text = "";
    return pieces.take();
  };
}

/** Pieces while they are counted: one growing array of [id, start, end, wordId] rows. */
class PieceList {
  #rows = new Int32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length / 4;
  }

  add(id: number, start: number, end: number, wordId: number): void {
    if (this.#length + 4 > this.#rows.length) {
      const rows = new Int32Array(this.#rows.length * 2);
      rows.set(this.#rows);
      this.#rows = rows;
    }
    this.#rows[this.#length++] = id;
    this.#rows[this.#length++] = start;
    this.#rows[this.#length++] = end;
    this.#rows[this.#length++] = wordId;
  }

  /** Hands out what was added and starts again. */
  take(): Pieces {
    const count = this.#length / 4;
    const column = (offset: number): Int32Array => {
      const values = new Int32Array(count);
      for (let i = 0; i < count; i++) values[i] = this.#rows[i * 4 + offset]!;
      return values;
    };
    const pieces = { ids: column(0), starts: column(1), ends: column(2), wordIds: column(3) };
    this.#length = 0;
    if (this.#rows.length > MAX_KEPT_ROWS * 4) this.#rows = new Int32Array(1024);
    return pieces;
  }
}

/** A longer list is dropped after use, so that one long text pins no memory. */
const MAX_KEPT_ROWS = 1 << 14;

/** UTF-16 offset -> code point offset for one text. */
export function codePointOffsets(text: string): (utf16: number) => number {
  let i = 0;
  while (i < text.length && widthOf(codePointAt(text, i)) === 1) i++;
  if (i === text.length) return (utf16) => utf16; // no pairs: the two counts agree
  const offsets = new Int32Array(text.length + 1);
  let count = 0;
  for (i = 0; i < text.length; count++) {
    const width = widthOf(codePointAt(text, i));
    for (let k = 0; k < width; k++) offsets[i++] = count;
  }
  offsets[text.length] = count;
  return (utf16) => offsets[utf16]!;
}
