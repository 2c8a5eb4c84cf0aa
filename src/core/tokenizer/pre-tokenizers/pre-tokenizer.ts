/** What a pre-tokenizer is: it cuts normalized text into words. */
import type { Units } from "../text/text-buffer.ts";

/** Calls `word` with the half-open range of each word of text[from, to), in order. */
export type PreTokenizer = (
  text: Units,
  from: number,
  to: number,
  word: (start: number, end: number) => void,
) => void;
