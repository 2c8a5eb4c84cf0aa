/** What a model is: it cuts a word into tokens of its vocabulary. */
import type { Units } from "../text/text-buffer.ts";

/** Calls `token` for each piece of the word text[start, end), in order. */
export type Model = (
  text: Units,
  start: number,
  end: number,
  token: (id: number, start: number, end: number) => void,
) => void;
