/** BertPreTokenizer: words end at white space, and every punctuation character is a word. */
import { codePointAt, widthOf, type Units } from "./text-buffer.ts";
import { PUNCTUATION, SPACE, codePointFlags } from "./unicode.ts";

/** Calls `word` with the half-open range of each word of text[from, to), in order. */
export type PreTokenizer = (
  text: Units,
  from: number,
  to: number,
  word: (start: number, end: number) => void,
) => void;

/** Makes the pre-tokenizer. */
export function bertPreTokenizer(): PreTokenizer {
  const flags = codePointFlags();
  return (text, from, to, word) => {
    let start = from;
    let width = 1;
    for (let i = from; i < to; i += width) {
      const code = codePointAt(text, i);
      width = widthOf(code);
      const kind = flags[code]! & (SPACE | PUNCTUATION);
      if (kind === 0) continue;
      if (i > start) word(start, i);
      if (kind & PUNCTUATION) word(i, i + width);
      start = i + width;
    }
    if (to > start) word(start, to);
  };
}
