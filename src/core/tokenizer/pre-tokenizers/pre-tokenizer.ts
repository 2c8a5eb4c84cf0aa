/** What a pre-tokenizer is: it cuts normalized text into words. */
import type { Units } from "../text/text-buffer.ts";

/** Calls `word` with the half-open range of each word of text[from, to), in order. */
export type WordSplitter = (
  text: Units,
  from: number,
  to: number,
  word: (start: number, end: number) => void,
) => void;

export interface PreTokenizer {
  readonly split: WordSplitter;
  /** Whether the model gets a word's bytes, in the byte alphabet. */
  readonly isByteLevel: boolean;
  /** Code point that is put before a text that does not begin with it, or null. */
  readonly prefix: number | null;
}
