/** Lower case, a code point at a time, as Python's library has it: it knows no final sigma. */
import type { TextBuffer } from "./text-buffer.ts";
import { DOTTED_CAPITAL_I, UPPERCASE, codePointFlags, lowercaseOf } from "./unicode.ts";

const COMBINING_DOT_ABOVE = 0x307;

/** Appends a code point in lower case; the one that becomes two gives both its origin. */
export function pushLowercase(code: number, origin: number, out: TextBuffer): void {
  if ((codePointFlags()[code]! & UPPERCASE) === 0) {
    out.push(code, origin);
  } else if (code === DOTTED_CAPITAL_I) {
    out.push(0x69, origin);
    out.push(COMBINING_DOT_ABOVE, origin);
  } else {
    out.push(lowercaseOf(code), origin);
  }
}
