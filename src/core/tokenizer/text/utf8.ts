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

/** Code points of bytes; a wrong sequence reads as U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): number[] {
  const codes: number[] = [];
  for (let i = 0; i < bytes.length;) {
    const first = bytes[i++]!;
    const more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : -1;
    let code = more === 0 ? first : first & (0x3f >> Math.max(more, 0));
    let isWhole = more >= 0;
    for (let n = 0; n < more && isWhole; n++) {
      const next = bytes[i] ?? 0;
      isWhole = (next & 0xc0) === 0x80;
      if (isWhole) {
        code = (code << 6) | (next & 0x3f);
        i++;
      }
    }
    codes.push(isWhole && code <= 0x10ffff ? code : 0xfffd);
  }
  return codes;
}
