/** A readable bucket in memory, as the Worker sees one, that counts its reads and can be told to fail. */
import { LimitError, UnavailableError } from "../../src/core/errors.ts";
import type { Bucket } from "../../src/serve/bucket/bucket.ts";

export interface MemoryStore extends Bucket {
  put(key: string, bytes: Uint8Array): void;
  remove(key: string): void;
  /** Keys in the order in which they were asked for. */
  readonly reads: string[];
  /** Runs before every read; throwing or waiting makes the bucket fail or hang. */
  before: (key: string) => void | Promise<void>;
}

export const bucketDown = (): never => {
  throw new UnavailableError("bucket-unavailable", "bucket: is down, for a test");
};

/** Small enough that even a tiny base arrives in many pieces. */
const PIECE_BYTES = 1_000;

/** Bytes as they might arrive from afar. */
export async function* piecesOf(
  bytes: Uint8Array,
  pieceBytes = PIECE_BYTES,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) {
    await Promise.resolve();
    yield bytes.slice(at, at + pieceBytes);
  }
}

export function createMemoryStore(): MemoryStore {
  const objects = new Map<string, { bytes: Uint8Array; etag: string }>();
  let writes = 0;
  const store: MemoryStore = {
    reads: [],
    before: () => undefined,
    put(key, bytes) {
      objects.set(key, { bytes: Uint8Array.from(bytes), etag: `etag-${++writes}` });
    },
    remove: (key) => void objects.delete(key),
    async get(key, maxBytes, knownEtag) {
      store.reads.push(key);
      await store.before(key);
      const object = objects.get(key);
      if (!object) return null;
      if (object.etag === knownEtag) return "unchanged";
      if (object.bytes.byteLength > maxBytes) {
        throw new LimitError("object-too-large", `bucket object "${key}": is too large`);
      }
      return object;
    },
    async stream(key, maxBytes) {
      const object = await store.get(key, maxBytes);
      if (object === null || object === "unchanged") return null;
      return { pieces: piecesOf(object.bytes) };
    },
    async list(prefix, { after = "", limit } = {}) {
      await store.before(prefix);
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after);
      const page = keys.sort().slice(0, limit);
      return page.map((key) => ({ key, etag: objects.get(key)!.etag }));
    },
  };
  return store;
}
