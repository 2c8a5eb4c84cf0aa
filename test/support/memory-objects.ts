/** The store of bulk jobs in memory: creates once, and can be told to fail or to end before a write. */
import type { Facts, ObjectStore } from "../../src/serve/bucket/object-store.ts";

export interface MemoryObjects extends ObjectStore {
  readonly objects: Map<string, { bytes: Uint8Array; facts: Facts }>;
  /** Runs before each operation; throwing makes it fail. */
  before: (operation: string, key: string) => void | Promise<void>;
  text(key: string): string;
}

export function memoryObjects(): MemoryObjects {
  const objects: MemoryObjects["objects"] = new Map();
  const described = (key: string) => {
    const found = objects.get(key);
    return found ? { key, bytes: found.bytes.length, facts: found.facts, at: 0 } : null;
  };
  const store: MemoryObjects = {
    objects,
    before: () => undefined,
    text: (key) => new TextDecoder().decode(objects.get(key)?.bytes),
    async head(key) {
      await store.before("head", key);
      return described(key);
    },
    async read(key, range) {
      await store.before("read", key);
      const found = objects.get(key)?.bytes;
      if (!found) return null;
      return range ? found.slice(range.offset, range.offset + range.length) : found.slice();
    },
    async open(key) {
      await store.before("open", key);
      const found = objects.get(key)?.bytes;
      return found ? { bytes: found.length, body: new Blob([found.slice()]).stream() } : null;
    },
    async create(key, bytes, facts = {}) {
      await store.before("create", key);
      if (objects.has(key)) return false;
      objects.set(key, { bytes: bytes.slice(), facts });
      return true;
    },
    async write(key) {
      await store.before("write", key);
      const parts: Uint8Array[] = [];
      return {
        append: async (bytes) => void parts.push(bytes.slice()),
        complete: async () => {
          // R2 refuses parts of different lengths, but for the last.
          const [first, ...rest] = parts.map(({ length }) => length);
          if (rest.slice(0, -1).some((length) => length !== first)) throw new Error("uneven parts");
          objects.set(key, { bytes: Uint8Array.from(Buffer.concat(parts)), facts: {} });
        },
        abort: async () => undefined,
      };
    },
    async list(prefix, { after = "", limit = Infinity } = {}) {
      await store.before("list", prefix);
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after);
      return keys
        .sort()
        .slice(0, limit)
        .map((key) => described(key)!);
    },
    async delete(keys) {
      for (const key of keys) objects.delete(key);
    },
  };
  return store;
}
