/** What a normalizer is, and the one of a file that names none. */
import { codePointAt, widthOf, type TextBuffer } from "../text/text-buffer.ts";

/** Appends the normal form of text[from, to) to `out`, with origins into `text`. */
export type Normalizer = (text: string, from: number, to: number, out: TextBuffer) => void;

/** The normalizer of a file that names none: the text as it is. */
export const identityNormalizer: Normalizer = (text, from, to, out) => {
  for (let i = from; i < to;) {
    const code = codePointAt(text, i);
    out.push(code, i);
    i += widthOf(code);
  }
};
