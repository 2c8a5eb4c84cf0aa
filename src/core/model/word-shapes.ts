/**
 * How a word is written: what an uncased base never sees of a text, and names give away. A token
 * head adds a learned number for each label and shape to its logits.
 */
import { wordRanges } from "../tokenizer/tokenizer.ts";
import type { Pieces } from "../tokenizer/tokenizer.ts";

/** The shapes; an index into this list is a column of `word_shapes.weight`. */
export const WORD_SHAPES = [
  "lower", // no letter with a capital form is a capital; scripts without capitals, too
  "title", // its first letter is the only capital
  "upper", // all of at least two letters are capitals
  "mixed", // any other use of capitals
  "digit", // has a decimal digit
  "other", // neither letter nor digit
] as const;

const [LOWER, TITLE, UPPER, MIXED, DIGIT, OTHER] = [0, 1, 2, 3, 4, 5];

/** Shape of one word, an index into WORD_SHAPES. */
export function shapeOf(word: string): number {
  if (/\p{Nd}/u.test(word)) return DIGIT!;
  let [letters, capitals, isFirstCapital] = [0, 0, false];
  for (const [letter] of word.matchAll(/\p{L}/gu)) {
    const isCapital = letter !== letter.toLowerCase();
    if (letters === 0) isFirstCapital = isCapital;
    letters += 1;
    capitals += isCapital ? 1 : 0;
  }
  if (letters === 0) return OTHER!;
  if (capitals === 0) return LOWER!;
  if (capitals === letters && letters > 1) return UPPER!;
  return isFirstCapital && capitals === 1 ? TITLE! : MIXED!;
}

/** The words of `text` in order: their pieces, [from, to), and their shape. */
export function* shapedWords(
  text: string,
  { starts, ends, wordIds }: Omit<Pieces, "ids">,
): Generator<readonly [from: number, to: number, shape: number]> {
  for (const [from, to] of wordRanges(wordIds)) {
    yield [from, to, shapeOf(text.slice(starts[from], ends[to - 1]))];
  }
}

/** For each piece of `text`, the shape of the word that it is part of. */
export function wordShapes(text: string, pieces: Omit<Pieces, "ids">): Int32Array {
  const shapes = new Int32Array(pieces.wordIds.length);
  for (const [from, to, shape] of shapedWords(text, pieces)) shapes.fill(shape, from, to);
  return shapes;
}
