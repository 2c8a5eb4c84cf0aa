/**
 * What may be given out of the bucket as it is: the pointer of the one base and those of tasks, and the
 * blobs that they lead to. A blob is one of the base's files, a manifest that a task's pointer names, or
 * the prefix that such a manifest names; nothing else in the bucket is published, whatever its key.
 *
 * A request for a blob names only its hash. So the tasks that the caller may read are searched for it:
 * pointers first, then the manifests of the versions in use, then those of older versions. What a
 * manifest names never changes, so it is read once an isolate; and one request reads a limited number,
 * so that a wrong hash in a bucket of thousands of versions does not cost thousands of reads.
 */
import { mapLimited } from "../core/concurrency.ts";
import type { Clock } from "../core/clock.ts";
import { FormatError, OverloadedError, UnavailableError } from "../core/errors.ts";
import type { FilesIndex } from "../core/format/files-index.ts";
import { TASK_PREFIX, baseKey, blobKey, isName, taskKey } from "../core/format/keys.ts";
import { checkFile, readBaseManifest, readTaskManifest } from "../core/format/manifest.ts";
import type { Sha256 } from "../core/format/manifest.ts";
import {
  MAX_POINTER_BYTES,
  hashOf,
  readBasePointer,
  readTaskPointer,
} from "../core/format/pointer.ts";
import type { TaskPointer } from "../core/format/pointer.ts";
import type { Bucket, FileStore, StoredObject } from "./bucket/bucket.ts";
import { createLru } from "./lru.ts";
import type { Trust } from "./trust.ts";

export interface PublishedFiles {
  /** The base, and the tasks in the bucket of those that are `allowed`; null allows all. */
  index(allowed: readonly string[] | null): Promise<FilesIndex>;
  /**
   * A pointer as it is in the bucket; null when there is none, or it is another base's. Throws
   * UnavailableError by `Trust.pointer`.
   */
  basePointer(base: string): Promise<StoredObject | null>;
  taskPointer(task: string): Promise<StoredObject | null>;
  /**
   * Whether a blob belongs to the base or to a version of an allowed task. Throws OverloadedError
   * `file-search-unfinished` when another request has to go on with the search, and UnavailableError
   * `bucket-unavailable`.
   */
  isPublished(sha256: string, allowed: readonly string[] | null): Promise<boolean>;
  /** Where the bytes are, once it is known that they may be read. */
  readonly store: FileStore;
}

export interface PublishedFilesOptions {
  /** Name of the one base that is served. */
  readonly base: string;
  readonly bucket: Bucket;
  readonly store: FileStore;
  readonly clock: Clock;
  readonly sha256: Sha256;
  /** For how long a pointer is used without a look at the bucket. */
  readonly freshMs: number;
  /** Where it is given, only pointers that a trusted key has sealed are passed on, or followed. */
  readonly trust?: Trust | undefined;
}

interface Known<T> {
  readonly value: T;
  readonly etag: string;
  confirmedAt: number;
}

const MAX_MANIFEST_BYTES = 1_000_000;
/** Pointers of a thousand tasks with dozens of versions each. */
const MAX_POINTERS_BYTES = 4_000_000;
/** Prefixes of forty thousand versions. */
const MAX_PREFIXES_BYTES = 8_000_000;
/** A key and a value of 64 digits each. */
const HASHES_BYTES = 200;
/** Of the thousand reads that a request may make. */
const MAX_READS = 400;
/** The pointers of so many tasks are read one by one; of more, a list tells first which have changed. */
const FEW_TASKS = 16;
/** Connections that a Worker may have open at once. */
const READS_AT_ONCE = 6;
/** Another request reads the next ones at once. */
const RETRY_AFTER_MS = 1_000;

export function createPublishedFiles(options: PublishedFilesOptions): PublishedFiles {
  const { base, bucket, store, clock, sha256, freshMs, trust } = options;
  let ofBase: Known<ReadonlySet<string>> | null = null;
  const pointers = createLru<Known<TaskPointer>>(MAX_POINTERS_BYTES);
  /** Hash of a task's manifest -> hash of its prefix. */
  const prefixes = createLru<string>(MAX_PREFIXES_BYTES);
  /** Hash of a blob -> the task in which it was found last. */
  const owners = createLru<string>(MAX_PREFIXES_BYTES);

  return {
    store,
    index,
    basePointer: (name) => (name === base ? readPointer(baseKey(base)) : Promise.resolve(null)),
    taskPointer: (name) => (isName(name) ? readPointer(taskKey(name)) : Promise.resolve(null)),
    async isPublished(hash, allowed) {
      if ((await filesOfBase()).has(hash)) return true;
      const search = createSearch(hash);
      const owner = owners.get(hash);
      if (owner !== undefined && (allowed === null || allowed.includes(owner))) {
        if (await search([owner])) return true;
      }
      if (allowed !== null && allowed.length <= FEW_TASKS) return search(allowed);
      return search((await index(allowed)).tasks);
    },
  };

  async function index(allowed: readonly string[] | null): Promise<FilesIndex> {
    const names = await namesInBucket();
    return { base, tasks: names.filter((name) => allowed === null || allowed.includes(name)) };
  }

  async function readPointer(key: string): Promise<StoredObject | null> {
    const object = await bucket.get(key, MAX_POINTER_BYTES);
    if (object === null || object === "unchanged") return null;
    await trust?.pointer(key, object.bytes);
    return object;
  }

  /** Whether a pointer may be followed. */
  async function isBelieved(key: string, bytes: Uint8Array): Promise<boolean> {
    try {
      await trust?.pointer(key, bytes);
      return true;
    } catch (error) {
      if (error instanceof UnavailableError) return false;
      throw error;
    }
  }

  /** Names of all tasks; their etags tell which pointers need not be read again. */
  async function namesInBucket(): Promise<string[]> {
    const askedAt = clock.now();
    const listed = await bucket.list(TASK_PREFIX);
    return listed.flatMap(({ key, etag }) => {
      const name = key.slice(TASK_PREFIX.length).replace(/\.json$/, "");
      const known = pointers.get(name);
      if (known && known.etag === etag) known.confirmedAt = askedAt;
      return isName(name) ? [name] : [];
    });
  }

  /** Hashes of the base's manifest and files. A base that cannot be read has none. */
  async function filesOfBase(): Promise<ReadonlySet<string>> {
    const askedAt = clock.now();
    if (ofBase && askedAt - ofBase.confirmedAt < freshMs) return ofBase.value;
    const object = await bucket.get(baseKey(base), MAX_POINTER_BYTES, ofBase?.etag);
    if (ofBase && object === "unchanged") {
      ofBase.confirmedAt = askedAt;
      return ofBase.value;
    }
    const hashes = new Set<string>();
    if (object === null || object === "unchanged") return hashes;
    if (!(await isBelieved(baseKey(base), object.bytes))) return hashes;
    await unlessMalformed(async () => {
      const manifest = hashOf(readBasePointer(object.bytes, baseKey(base)).manifest);
      const { files } = await readBaseManifest(await readManifest(manifest), sha256);
      for (const { sha256: hash } of Object.values(files)) hashes.add(hash);
      hashes.add(manifest);
      ofBase = { value: hashes, etag: object.etag, confirmedAt: askedAt };
    });
    return hashes;
  }

  /** Searches tasks for a blob; all searches of one request share its reads. */
  function createSearch(hash: string): (names: readonly string[]) => Promise<boolean> {
    let reads = 0;
    const countRead = (): void => {
      if (++reads <= MAX_READS) return;
      throw new OverloadedError(
        "file-search-unfinished",
        `blob ${hash.slice(0, 12)}..: is not found in the first ${MAX_READS} objects that were read; ask again to go on`,
        { retryAfterMs: RETRY_AFTER_MS },
      );
    };

    async function pointerOf(name: string): Promise<TaskPointer | null> {
      const known = pointers.get(name);
      const askedAt = clock.now();
      if (known && askedAt - known.confirmedAt < freshMs) return known.value;
      countRead();
      const object = await bucket.get(taskKey(name), MAX_POINTER_BYTES, known?.etag);
      if (known && object === "unchanged") {
        known.confirmedAt = askedAt;
        return known.value;
      }
      pointers.delete(name);
      if (object === null || object === "unchanged") return null;
      if (!(await isBelieved(taskKey(name), object.bytes))) return null;
      return unlessMalformed(() => {
        const value = readTaskPointer(object.bytes, taskKey(name));
        if (value.task !== name) return null;
        const entry = { value, etag: object.etag, confirmedAt: askedAt };
        pointers.set(name, entry, object.bytes.byteLength);
        return value;
      });
    }

    async function prefixOf(task: string, manifest: string): Promise<string | null> {
      const known = prefixes.get(manifest);
      if (known !== undefined) return known;
      countRead();
      return unlessMalformed(async () => {
        const read = readTaskManifest(await readManifest(manifest), "manifest.json");
        if (read.task !== task) return null;
        prefixes.set(manifest, read.prefix.sha256, HASHES_BYTES);
        return read.prefix.sha256;
      });
    }

    return async (names) => {
      const found = (task: string): true => {
        owners.set(hash, task, HASHES_BYTES);
        return true;
      };
      const read = await mapLimited(names, READS_AT_ONCE, pointerOf);
      const known = read.filter((pointer) => pointer !== null);
      const unread: [task: string, manifest: string, isInUse: boolean][] = [];
      for (const { task, versions, current, canary } of known) {
        for (const { version, manifest: reference } of versions) {
          const manifest = hashOf(reference);
          const prefix = prefixes.get(manifest);
          if (manifest === hash || prefix === hash) return found(task);
          const isInUse = version === current || version === canary?.version;
          if (prefix === undefined) unread.push([task, manifest, isInUse]);
        }
      }
      for (const wantsInUse of [true, false]) {
        const next = unread.filter(([, , isInUse]) => isInUse === wantsInUse);
        for (let at = 0; at < next.length; at += READS_AT_ONCE) {
          const some = next.slice(at, at + READS_AT_ONCE);
          const hashes = await Promise.all(
            some.map(([task, manifest]) => prefixOf(task, manifest)),
          );
          const place = hashes.indexOf(hash);
          if (place >= 0) return found(some[place]![0]);
        }
      }
      return false;
    };
  }

  async function readManifest(hash: string): Promise<Uint8Array> {
    const object = await bucket.get(blobKey(hash), MAX_MANIFEST_BYTES);
    if (object === null || object === "unchanged") {
      throw new FormatError("blob-missing", `blob ${hash.slice(0, 12)}..: is not in the bucket`);
    }
    const { bytes } = object;
    await checkFile(blobKey(hash), bytes, { sha256: hash, bytes: bytes.byteLength }, sha256);
    return bytes;
  }
}

/** What is broken in the bucket publishes nothing. */
async function unlessMalformed<T>(read: () => T | Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
