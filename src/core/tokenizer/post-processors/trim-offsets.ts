/**
 * `trim_offsets` of byte-level post-processors: a token's offsets leave out the spaces that it begins
 * and ends with, so that " film" is found at "film". A token of nothing but spaces gets an empty span.
 */
import type { Vocabulary } from "../models/model.ts";
import { BYTE_SPACE } from "../text/byte-alphabet.ts";
import { codePointAt } from "../text/text-buffer.ts";
import { SPACE, codePointFlags } from "../text/unicode.ts";

export interface TrimmingOptions {
  readonly vocabulary: Vocabulary;
  readonly added: readonly { readonly id: number }[];
  readonly vocabSize: number;
  /** The first token's leading space may be one that was put there, which takes nothing from the text. */
  readonly addsPrefixSpace: boolean;
}

/** Trims the offsets of one text's tokens in place. */
export type TrimOffsets = (
  text: string,
  pieces: { readonly ids: Int32Array; readonly starts: Int32Array; readonly ends: Int32Array },
) => void;

/** The spaces of an added token are those of the text that it was found in. */
const IN_TEXT = 0xffff;

export function offsetTrimmer(options: TrimmingOptions): TrimOffsets {
  const { vocabulary, added, vocabSize, addsPrefixSpace } = options;
  const flags = codePointFlags();
  // White space is one unit long, as the letter for a space is.
  const isSpace = (text: string, at: number): boolean =>
    (flags[codePointAt(text, at)]! & SPACE) !== 0 || text[at] === BYTE_SPACE;
  const spacesFrom = (text: string, start: number, end: number): number => {
    let i = start;
    while (i < end && isSpace(text, i)) i++;
    return i - start;
  };
  const spacesUpTo = (text: string, start: number, end: number): number => {
    let i = end;
    while (i > start && isSpace(text, i - 1)) i--;
    return end - i;
  };
  const leading = new Uint16Array(vocabSize);
  const trailing = new Uint16Array(vocabSize);
  for (const [token, id] of vocabulary) {
    leading[id] = spacesFrom(token, 0, token.length);
    trailing[id] = spacesUpTo(token, 0, token.length);
  }
  for (const { id } of added) leading[id] = IN_TEXT;

  return (text, { ids, starts, ends }) => {
    for (const [i, id] of ids.entries()) {
      const [start, end] = [starts[i]!, ends[i]!];
      const isInText = leading[id] === IN_TEXT;
      let before = isInText ? spacesFrom(text, start, end) : leading[id]!;
      const after = isInText ? spacesUpTo(text, start, end) : trailing[id]!;
      const isFirst = i === 0 || start === 0;
      if (addsPrefixSpace && isFirst && before === 1) before = 0;
      const trimmed = Math.min(start + before, end);
      starts[i] = trimmed;
      if (end >= after) ends[i] = Math.max(end - after, trimmed);
    }
  };
}
