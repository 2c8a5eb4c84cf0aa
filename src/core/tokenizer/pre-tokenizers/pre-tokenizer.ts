/** What a pre-tokenizer is: it cuts normalized text into words. */
import type { Rewriter } from "../normalizers/rewriter.ts";
import type { Units } from "../text/text-buffer.ts";

/** Calls `word` with the half-open range of each word of text[from, to), in order. */
export type WordSplitter = (
  text: Units,
  from: number,
  to: number,
  word: (start: number, end: number) => void,
) => void;

export interface PreTokenizer {
  /** Changes the text between two added tokens before it is cut; null: it does not. */
  readonly prepare: Rewriter | null;
  readonly split: WordSplitter;
  /** Whether the model gets a word's bytes, in the byte alphabet. */
  readonly isByteLevel: boolean;
}
