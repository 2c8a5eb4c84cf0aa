/** SHA-256 of bytes as 64 lower-case hex digits. */
import { createHash } from "node:crypto";

export const sha256Hex = (bytes: Uint8Array | string): string =>
  createHash("sha256").update(bytes).digest("hex");

/** The same in the form that the library expects: it may run where hashing is asynchronous. */
export const sha256 = (bytes: Uint8Array): Promise<string> => Promise.resolve(sha256Hex(bytes));
