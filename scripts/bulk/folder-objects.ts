/**
 * The store of bulk jobs as a folder: what `batch run --local` has done so far, so that it goes on after
 * an interrupt. One process at a time; an object is in its place whole or not at all.
 */
import { createReadStream } from "node:fs";
import {
  link,
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { Readable } from "node:stream";
import type { FileRange } from "../../src/serve/bucket/bucket.ts";
import type { Facts, KeptObject, ObjectStore } from "../../src/serve/bucket/object-store.ts";

const FACTS = ".facts";
const UNFINISHED = ".tmp";

/** Opens the folder; `others` are objects that are files elsewhere, by key. */
export async function folderObjects(
  folder: string,
  others: Readonly<Record<string, string>> = {},
): Promise<ObjectStore> {
  const pathOf = (key: string): string => others[key] ?? join(folder, ...key.split("/"));
  const known = new Map<string, KeptObject>();
  await mkdir(folder, { recursive: true });
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || path.endsWith(FACTS) || path.endsWith(UNFINISHED)) continue;
    const facts = JSON.parse(await readFile(path + FACTS, "utf8")) as Facts;
    remember(relative(folder, path).split(sep).join("/"), (await stat(path)).size, facts);
  }

  function remember(key: string, bytes: number, facts: Facts): void {
    known.set(key, { key, bytes, facts, at: Date.now() });
  }

  async function create(key: string, bytes: Uint8Array, facts: Facts = {}): Promise<boolean> {
    if (known.has(key)) return false;
    const path = pathOf(key);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path + UNFINISHED, bytes);
    await writeFile(path + FACTS, JSON.stringify(facts));
    await link(path + UNFINISHED, path);
    await rm(path + UNFINISHED);
    remember(key, bytes.length, facts);
    return true;
  }

  return {
    head: async (key) => known.get(key) ?? null,
    async read(key, range) {
      if (key in others) return readRange(pathOf(key), range);
      return known.has(key) ? readRange(pathOf(key), range) : null;
    },
    async open(key) {
      const object = known.get(key);
      if (!object) return null;
      const body = Readable.toWeb(createReadStream(pathOf(key)));
      return { bytes: object.bytes, body: body as unknown as ReadableStream };
    },
    create,
    async write(key) {
      const path = pathOf(key);
      await mkdir(dirname(path), { recursive: true });
      const file = await open(path + UNFINISHED, "w");
      let bytes = 0;
      return {
        async append(piece) {
          await file.write(piece);
          bytes += piece.length;
        },
        async complete() {
          await file.close();
          await writeFile(path + FACTS, "{}");
          await rename(path + UNFINISHED, path);
          remember(key, bytes, {});
        },
        abort: () => file.close(),
      };
    },
    async list(prefix, { after = "", limit = Infinity } = {}) {
      const found = [...known.values()].filter(({ key }) => key.startsWith(prefix) && key > after);
      return found.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit);
    },
    async delete(keys) {
      for (const key of keys) {
        known.delete(key);
        await rm(pathOf(key), { force: true });
      }
    },
  };
}

async function readRange(path: string, range?: FileRange): Promise<Uint8Array> {
  if (!range) return new Uint8Array(await readFile(path));
  const file = await open(path);
  try {
    const bytes = new Uint8Array(range.length);
    const { bytesRead } = await file.read(bytes, 0, range.length, range.offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
