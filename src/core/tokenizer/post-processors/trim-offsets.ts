/**
 * `trim_offsets` of byte-level post-processors: a token's offsets leave out the spaces that it begins
 * and ends with, so that " film" is found at "film". A token of nothing but spaces gets an empty span.
 */
import { BYTE_SPACE } from "../text/byte-alphabet.ts";
import { codePointAt, type Units } from "../text/text-buffer.ts";
import { SPACE, codePointFlags } from "../text/unicode.ts";

/** What counts as a space in a token; all are one unit long. */
type IsSpace = (text: Units, at: number) => boolean;

const BLANK = 0x20;

/** In a token of bytes: the one byte whose letter is counted. */
export const isBlank: IsSpace = (text, at) => text.charCodeAt(at) === BLANK;

/** In an added token: white space, and the letter of that byte. */
export const isWhiteSpace: IsSpace = (text, at) => {
  const code = codePointAt(text, at);
  return (codePointFlags()[code]! & SPACE) !== 0 || code === BYTE_SPACE;
};

/** How many spaces text[start, end) begins with. */
export function leadingSpaces(text: Units, start: number, end: number, isSpace: IsSpace): number {
  let i = start;
  while (i < end && isSpace(text, i)) i++;
  return i - start;
}

/** How many spaces text[start, end) ends with. */
export function trailingSpaces(text: Units, start: number, end: number, isSpace: IsSpace): number {
  let i = end;
  while (i > start && isSpace(text, i - 1)) i--;
  return end - i;
}
