/** Bytes as hex digits, which hashes and ids are written in. */

/** Two lower-case digits a byte. */
export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
