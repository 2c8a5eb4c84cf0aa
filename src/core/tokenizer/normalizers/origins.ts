/** Where characters come from when several become one, or one becomes several. */
import { codePointAt, widthOf, type TextBuffer } from "../text/text-buffer.ts";

/**
 * A character of the result, and how many characters of the input it takes: 1 for one that stands
 * for one, 0 for one that was added, more for one that several were composed to.
 */
export interface Made {
  code: number;
  taken: number;
}

/** Gives characters their origins: those of the input are taken in order. */
export function writerTo(input: TextBuffer, out: TextBuffer): (made: Made) => void {
  let next = 0; // in units of the input
  let last = 0; // origin of the character that was taken last
  return ({ code, taken }) => {
    let origin = last;
    for (let n = 0; n < taken; n++) {
      last = input.origin(next);
      if (n === 0) origin = last;
      next += widthOf(codePointAt(input, next));
    }
    out.push(code, origin);
  };
}
