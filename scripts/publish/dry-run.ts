/**
 * A bucket that is only looked at: what would be written is kept in memory and read back from
 * there, so that `--dry-run` takes every step of the real thing and reports what it would change.
 */
import { sha256Hex } from "../node/hash.ts";
import type { PublishBucket, StoredObject } from "./bucket.ts";

/** `bucket` with writes that never reach it. */
export function dryRunOf(bucket: PublishBucket): PublishBucket {
  const written = new Map<string, StoredObject>();
  const write = (key: string, bytes: Uint8Array): void => {
    written.set(key, { bytes, etag: `dry-run-${sha256Hex(bytes)}` });
  };
  const get = async (key: string): Promise<StoredObject | null> =>
    written.get(key) ?? (await bucket.get(key));
  return {
    get,
    size: async (key) => written.get(key)?.bytes.byteLength ?? (await bucket.size(key)),
    async putBlob(key, bytes) {
      write(key, bytes);
    },
    async putIf(key, bytes, etag) {
      if (((await get(key))?.etag ?? null) !== etag) return false;
      write(key, bytes);
      return true;
    },
    async list(prefix) {
      const own = [...written.keys()].filter((key) => key.startsWith(prefix));
      return [...new Set([...(await bucket.list(prefix)), ...own])];
    },
  };
}
