/**
 * Steps of normalization after the first: text with origins in, text with origins out.
 *
 * Where a character of the result comes from follows Python's rules: one that replaces another has
 * that one's origin, one that is added has the origin of the character consumed last.
 */
import { codePointAt, widthOf, type TextBuffer } from "../text/text-buffer.ts";
import type { Normalizer } from "./normalizer.ts";

/** Appends what becomes of `input` to `out`. */
export type Rewriter = (input: TextBuffer, out: TextBuffer) => void;

/** A rewriter that looks at one code point at a time. */
export const eachCodePoint =
  (rewrite: (code: number, origin: number, out: TextBuffer) => void): Rewriter =>
  (input, out) => {
    for (let i = 0; i < input.length;) {
      const code = codePointAt(input, i);
      rewrite(code, input.origin(i), out);
      i += widthOf(code);
    }
  };

/** A normalizer and what follows it, as one; `buffers` are two that it may use. */
export function chain(
  first: Normalizer,
  rewriters: readonly Rewriter[],
  buffers: readonly [TextBuffer, TextBuffer],
): Normalizer {
  if (rewriters.length === 0) return first;
  return (text, from, to, out) => {
    let [input, output] = buffers;
    input.reset();
    first(text, from, to, input);
    for (const [i, rewrite] of rewriters.entries()) {
      const isLast = i === rewriters.length - 1;
      output.reset();
      rewrite(input, isLast ? out : output);
      [input, output] = [output, input];
    }
  };
}
