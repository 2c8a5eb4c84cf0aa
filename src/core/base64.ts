/** Base64 (RFC 4648), strict and without host objects. */

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = new Map([...DIGITS].map((digit, value) => [digit, value]));

/** Bytes -> standard base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += DIGITS[group >> 18]! + DIGITS[(group >> 12) & 63]!;
    text += left > 1 ? DIGITS[(group >> 6) & 63]! : "=";
    text += left > 2 ? DIGITS[group & 63]! : "=";
  }
  return text;
}

/**
 * Standard base64 with padding -> bytes. One text for one value: other alphabets, blanks, and bits
 * beyond the last byte are refused: `fail` is told why, and throws.
 */
export function fromBase64(text: string, fail: (why: string) => never): Uint8Array<ArrayBuffer> {
  if (text.length % 4 !== 0) fail(`${text.length} characters are no multiple of 4`);
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const digits = text.length - padding;
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < digits; i++) {
    const value = VALUES.get(text[i]!) ?? fail(`character ${i} is ${JSON.stringify(text[i])}`);
    held = (held << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  if (held !== 0) fail("its last character has bits that belong to no byte");
  return bytes;
}
