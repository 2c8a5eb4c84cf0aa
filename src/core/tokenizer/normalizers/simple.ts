/** Normalizers of one line each: lower case, no accents, no spaces at the ends, one text for another. */
import type { RecordReader } from "../../record.ts";
import { readFlag, readText } from "../json/fields.ts";
import { pushLowercase } from "../text/lowercase.ts";
import { codePointAt, widthOf, type TextBuffer } from "../text/text-buffer.ts";
import { SPACE, codePointFlags, isCombining } from "../text/unicode.ts";
import { eachCodePoint, type Rewriter } from "./rewriter.ts";

export const lowercase = (): Rewriter => eachCodePoint(pushLowercase);

/** Drops combining marks; of a text in NFD these are its accents. */
export const stripAccents = (): Rewriter =>
  eachCodePoint((code, origin, out) => {
    if (!isCombining(code)) out.push(code, origin);
  });

/** `{ "type": "Strip", .. }`: white space at the ends. */
export function readStrip(fields: RecordReader): Rewriter {
  const [left, right] = [readFlag(fields, "strip_left"), readFlag(fields, "strip_right")];
  const flags = codePointFlags();
  // White space is one unit long.
  const isSpace = (input: TextBuffer, at: number): boolean =>
    (flags[codePointAt(input, at)]! & SPACE) !== 0;
  return (input, out) => {
    let [from, to] = [0, input.length];
    if (left) while (from < to && isSpace(input, from)) from++;
    if (right) while (to > from && isSpace(input, to - 1)) to--;
    out.append(input, from, to);
  };
}

/**
 * `{ "type": "Replace", .. }`: a text, or a run of two and more spaces, which is the one pattern that
 * files have. null for any other pattern. What is put in has the origin of the last character that
 * goes.
 */
export function readReplace(fields: RecordReader): Rewriter | null {
  const pattern = fields.record("pattern");
  const content = readText(fields, "content");
  if (pattern.has("Regex")) {
    if (pattern.string("Regex") !== " {2,}") return null;
    return replacing((input, at) => {
      let end = at;
      while (end < input.length && input.charCodeAt(end) === BLANK) end++;
      return end - at >= 2 ? end : at;
    }, content);
  }
  const wanted = readText(pattern, "String");
  if (wanted === "") return fields.fail(`"pattern" is empty, which would match everywhere`);
  return replacing((input, at) => {
    for (let i = 0; i < wanted.length; i++) {
      if (at + i >= input.length || input.charCodeAt(at + i) !== wanted.charCodeAt(i)) return at;
    }
    return at + wanted.length;
  }, content);
}

const BLANK = 0x20;

/** `matchEnd` gives where a match that begins at `at` ends, or `at` where there is none. */
function replacing(matchEnd: (input: TextBuffer, at: number) => number, content: string): Rewriter {
  const put = Array.from(content, (character) => character.codePointAt(0)!);
  return (input, out) => {
    for (let i = 0; i < input.length;) {
      const end = matchEnd(input, i);
      if (end > i) {
        for (const code of put) out.push(code, input.origin(end - 1));
        i = end;
      } else {
        const code = codePointAt(input, i);
        out.push(code, input.origin(i));
        i += widthOf(code);
      }
    }
  };
}
