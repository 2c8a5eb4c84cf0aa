/** Hashes of bytes as lower-case hex digits. */
import { createHash } from "node:crypto";

/** SHA-256, 64 digits. */
export const sha256Hex = (bytes: Uint8Array | string): string =>
  createHash("sha256").update(bytes).digest("hex");

/** SHA-256 in the form that the library expects: it may run where hashing is asynchronous. */
export const sha256 = (bytes: Uint8Array): Promise<string> => Promise.resolve(sha256Hex(bytes));

/** MD5, 32 digits: what object storages know of their objects. Not for anything that must be safe. */
export const md5Hex = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");
