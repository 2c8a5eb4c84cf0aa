/** BertPreTokenizer: words end at white space, and every punctuation character is a word. */
import { codePointAt, widthOf } from "../text/text-buffer.ts";
import { PUNCTUATION, SPACE, codePointFlags } from "../text/unicode.ts";
import type { PreTokenizer, WordSplitter } from "./pre-tokenizer.ts";

/** Makes the pre-tokenizer; its entry in a tokenizer.json has no fields but the type. */
export const bertPreTokenizer = (): PreTokenizer => ({
  prepare: null,
  split: bertSplitter(),
  isByteLevel: false,
});

function bertSplitter(): WordSplitter {
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
