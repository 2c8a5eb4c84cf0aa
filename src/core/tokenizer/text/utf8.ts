/** UTF-8, a code point at a time. */

/** The bytes of a code point, in order. */
export function forEachByte(code: number, take: (byte: number) => void): void {
  if (code < 0x80) {
    take(code);
  } else if (code < 0x800) {
    take(0xc0 | (code >> 6));
    take(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    take(0xe0 | (code >> 12));
    take(0x80 | ((code >> 6) & 0x3f));
    take(0x80 | (code & 0x3f));
  } else {
    take(0xf0 | (code >> 18));
    take(0x80 | ((code >> 12) & 0x3f));
    take(0x80 | ((code >> 6) & 0x3f));
    take(0x80 | (code & 0x3f));
  }
}
