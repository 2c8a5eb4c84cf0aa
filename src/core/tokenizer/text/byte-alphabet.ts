/**
 * The alphabet in which byte-level vocabularies are written: one printable character a byte, so that
 * a vocabulary of bytes can stand in JSON (GPT-2's bytes_to_unicode).
 */

/** Bytes that stand for themselves: printable ones of Latin-1. */
const isPrintable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

/** The character of each byte: the others follow from U+0100 on, in order. */
export const BYTE_CHARACTERS: readonly string[] = makeCharacters();

function makeCharacters(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : next++),
  );
}

/** How a space is written: the code of its character. */
export const BYTE_SPACE = BYTE_CHARACTERS[0x20]!.charCodeAt(0);
