/** Hashes of bytes as lower-case hex digits. */
import { createHash } from "node:crypto";
import type { StartSha256 } from "../../src/core/format/checked-stream.ts";

/** SHA-256, 64 digits. */
export const sha256Hex = (bytes: Uint8Array | string): string =>
  createHash("sha256").update(bytes).digest("hex");

/** SHA-256 in the form that the library expects: it may run where hashing is asynchronous. */
export const sha256 = (bytes: Uint8Array): Promise<string> => Promise.resolve(sha256Hex(bytes));

/** SHA-256 of bytes that arrive one after the other. */
export const startSha256: StartSha256 = () => {
  const hash = createHash("sha256");
  return {
    write: (bytes) => void hash.update(bytes),
    digest: () => Promise.resolve(hash.digest("hex")),
  };
};

/** MD5, 32 digits: what object storages know of their objects. Not for anything that must be safe. */
export const md5Hex = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");
