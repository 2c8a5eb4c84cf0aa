/**
 * A bucket that is only looked at: what would be written is kept in memory and read back from
 * there, so that `--dry-run` takes every step of the real thing and reports what it would change.
 */
import { md5Hex, sha256Hex } from "../node/hash.ts";
import type { PublishBucket, StoredObject } from "./bucket.ts";

/** `bucket` with writes and deletions that never reach it. */
export function dryRunOf(bucket: PublishBucket): PublishBucket {
  /** What would be there now; null for what would be deleted. */
  const changed = new Map<string, StoredObject | null>();
  const write = (key: string, bytes: Uint8Array): void => {
    changed.set(key, { bytes, etag: `dry-run-${sha256Hex(bytes)}` });
  };
  const get = async (key: string): Promise<StoredObject | null> => {
    const own = changed.get(key);
    return own === undefined ? bucket.get(key) : own;
  };
  return {
    get,
    async stat(key) {
      const own = changed.get(key);
      if (own === undefined) return bucket.stat(key);
      return own && { bytes: own.bytes.byteLength, md5: md5Hex(own.bytes) };
    },
    async putBlob(key, bytes) {
      write(key, bytes);
    },
    async putIf(key, bytes, etag) {
      if (((await get(key))?.etag ?? null) !== etag) return false;
      write(key, bytes);
      return true;
    },
    async list(prefix) {
      const uploaded = new Date();
      const own = [...changed].flatMap(([key, object]) =>
        object && key.startsWith(prefix) ? [{ key, bytes: object.bytes.byteLength, uploaded }] : [],
      );
      const stored = await bucket.list(prefix);
      return [...stored.filter(({ key }) => !changed.has(key)), ...own];
    },
    async delete(key) {
      changed.set(key, null);
    },
  };
}
