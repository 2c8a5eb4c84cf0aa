/** A bucket in memory that can be told to fail: publishing is tested against every failure point. */
import { createHash } from "node:crypto";
import { md5Hex } from "../../scripts/node/hash.ts";
import type { PublishBucket, StoredObject } from "../../scripts/publish/bucket.ts";

export interface MemoryBucket extends PublishBucket {
  readonly objects: Map<string, StoredObject>;
  /** The time of the next writes. */
  now: () => Date;
  /** Runs before every operation; throwing makes it fail before it happened. */
  before: (operation: string, key: string) => void | Promise<void>;
  /** Runs after every write; throwing makes it fail although it happened. */
  afterWrite: (key: string) => void;
}

/** An empty bucket, or one that starts with `objects` (shared by reference). */
export function createMemoryBucket(objects = new Map<string, StoredObject>()): MemoryBucket {
  let writes = 0;
  const uploads = new Map<string, Date>();
  const write = (key: string, bytes: Uint8Array): void => {
    objects.set(key, { bytes: Uint8Array.from(bytes), etag: `etag-${++writes}-${objects.size}` });
    uploads.set(key, bucket.now());
    bucket.afterWrite(key);
  };
  const bucket: MemoryBucket = {
    objects,
    now: () => new Date(),
    before: () => undefined,
    afterWrite: () => undefined,
    async get(key) {
      await bucket.before("get", key);
      return objects.get(key) ?? null;
    },
    async stat(key) {
      await bucket.before("stat", key);
      const object = objects.get(key);
      return object ? { bytes: object.bytes.byteLength, md5: md5Hex(object.bytes) } : null;
    },
    async putBlob(key, bytes, sha256) {
      await bucket.before("putBlob", key);
      if (createHash("sha256").update(bytes).digest("hex") !== sha256) throw new Error("bad hash");
      write(key, bytes);
    },
    async putIf(key, bytes, etag) {
      await bucket.before("putIf", key);
      if ((objects.get(key)?.etag ?? null) !== etag) return false;
      write(key, bytes);
      return true;
    },
    async list(prefix) {
      await bucket.before("list", prefix);
      return [...objects]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, { bytes }]) => ({
          key,
          bytes: bytes.byteLength,
          uploaded: uploads.get(key) ?? new Date(0),
        }))
        .sort((a, b) => (a.key < b.key ? -1 : 1));
    },
    async delete(key) {
      await bucket.before("delete", key);
      objects.delete(key);
    },
  };
  return bucket;
}
