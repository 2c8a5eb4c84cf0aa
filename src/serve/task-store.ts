/**
 * Tasks by name: pointer -> manifest -> prefix, each checked, held in memory up to a byte budget.
 *
 * Guarantees: a version that does not check out never replaces a good one in memory (the good one
 * answers on, marked stale) and never disturbs another task or a pinned version; a push is seen as
 * soon as the pointer is older than `freshMs`. Requests do their own reads: sharing promises between
 * them is not safe in a Worker, and the files are small.
 */
import {
  EdgePrefixError,
  FormatError,
  MismatchError,
  NotFoundError,
  UnavailableError,
} from "../core/errors.ts";
import { TASK_PREFIX, blobKey, isName, taskKey } from "../core/keys.ts";
import { checkFile, readTaskManifest } from "../core/manifest.ts";
import type { BaseManifest, Sha256 } from "../core/manifest.ts";
import { MAX_POINTER_BYTES, hashOf, readTaskPointer } from "../core/pointer.ts";
import type { TaskPointer } from "../core/pointer.ts";
import { openTask } from "../core/task.ts";
import type { Task } from "../core/task.ts";
import type { Bucket } from "./bucket.ts";
import type { Clock } from "./flight.ts";
import { createLru } from "./lru.ts";

export interface OpenedTask {
  readonly task: Task;
  /** The answer comes from memory because what the bucket has now cannot be used. */
  readonly isStale: boolean;
}

export interface TaskStore {
  /**
   * The current version of a task, or the pinned one. Throws NotFoundError `task-not-found`,
   * `version-not-found`; MismatchError `prefix-base-mismatch`; UnavailableError `task-corrupt`,
   * `bucket-unavailable` when no good version is in memory.
   */
  get(name: string, base: BaseManifest, version?: string): Promise<OpenedTask>;
  /** Names of all tasks in the bucket. */
  list(): Promise<string[]>;
  /** Opened versions in memory, and their bytes. */
  readonly cached: { readonly versions: number; readonly bytes: number };
}

export interface TaskStoreOptions {
  readonly bucket: Bucket;
  readonly clock: Pick<Clock, "now">;
  readonly sha256: Sha256;
  /** Bytes of prefixes and heads to hold; the least recently used version goes first. */
  readonly cacheBytes: number;
  /** For how long a pointer, or a version's failure, is believed without asking the bucket. */
  readonly freshMs: number;
  /** For how long answers go on from memory while the bucket cannot be asked. */
  readonly maxStaleMs: number;
}

/** What is known of a task besides its opened versions. */
interface Entry {
  readonly pointer: TaskPointer;
  readonly etag: string;
  /** When the bucket was last asked; set before it answers, so that one request asks for all. */
  checkedAt: number;
  /** When it last confirmed the pointer. */
  confirmedAt: number;
  /** The pointer in the bucket could not be read; this one is older. */
  isStale: boolean;
  /** The last version that opened as current. */
  good: string | null;
  failure: { readonly version: string; readonly error: unknown; readonly at: number } | null;
}

const MAX_MANIFEST_BYTES = 1_000_000;
/** 1,024 virtual tokens of a 12-layer base with 768 wide layers in float32 are 75 MB: far above any real prefix. */
const MAX_PREFIX_BYTES = 32_000_000;
/** Pointers of a thousand tasks with dozens of versions each. */
const MAX_POINTERS_BYTES = 4_000_000;

export function createTaskStore(options: TaskStoreOptions): TaskStore {
  const { bucket, clock, sha256, cacheBytes, freshMs, maxStaleMs } = options;
  const entries = createLru<Entry>(MAX_POINTERS_BYTES);
  /** Opened versions by `task@version`. */
  const opened = createLru<Task>(cacheBytes);

  return {
    get cached() {
      return { versions: opened.size, bytes: opened.bytes };
    },
    async list() {
      const keys = await bucket.list(TASK_PREFIX);
      return keys
        .map((key) => key.slice(TASK_PREFIX.length).replace(/\.json$/, ""))
        .filter((name) => isName(name));
    },

    async get(name, base, version) {
      if (!isName(name)) throw notFound(name);
      const entry = await freshEntry(name);
      if (version !== undefined) {
        return { task: await versionOf(entry, version, base), isStale: entry.isStale };
      }
      try {
        const task = await versionOf(entry, entry.pointer.current, base);
        entry.good = task.version;
        return { task, isStale: entry.isStale };
      } catch (error) {
        const good = entry.good === null ? undefined : opened.get(`${name}@${entry.good}`);
        if (good) return { task: good, isStale: true };
        throw error;
      }
    },
  };

  /** What the bucket says about a task, asked anew when the last answer is too old. */
  async function freshEntry(name: string): Promise<Entry> {
    const known = entries.get(name);
    if (!known) return readEntry(name, undefined);
    const now = clock.now();
    if (now - known.checkedAt < freshMs) return known;
    known.checkedAt = now;
    try {
      return await readEntry(name, known);
    } catch (error) {
      if (error instanceof NotFoundError) {
        entries.delete(name);
        throw error;
      }
      const isOutage = error instanceof UnavailableError && error.code === "bucket-unavailable";
      if (isOutage && now - known.confirmedAt > maxStaleMs) {
        known.checkedAt = -Infinity; // the next request asks again
        throw error;
      }
      known.isStale = true;
      return known;
    }
  }

  async function readEntry(name: string, known: Entry | undefined): Promise<Entry> {
    const askedAt = clock.now();
    const object = await asTaskFailure(name, () =>
      bucket.get(taskKey(name), MAX_POINTER_BYTES, known?.etag),
    );
    if (object === null) throw notFound(name);
    if (object === "unchanged") {
      if (!known) throw notFound(name);
      known.confirmedAt = askedAt;
      known.isStale = false;
      return known;
    }
    const subject = `pointer of task "${name}"`;
    const pointer = await asTaskFailure(name, () => {
      const read = readTaskPointer(object.bytes, subject);
      if (read.task === name) return read;
      throw new FormatError("pointer-invalid", `${subject}: is the pointer of "${read.task}"`);
    });
    const entry: Entry = {
      pointer,
      etag: object.etag,
      checkedAt: askedAt,
      confirmedAt: askedAt,
      isStale: false,
      good: known?.good ?? null,
      failure: null,
    };
    entries.set(name, entry, object.bytes.byteLength);
    return entry;
  }

  /** A version from memory or from the bucket; a failure is remembered for as long as a pointer. */
  async function versionOf(entry: Entry, version: string, base: BaseManifest): Promise<Task> {
    const key = `${entry.pointer.task}@${version}`;
    const held = opened.get(key);
    if (held) return held;
    const { failure } = entry;
    if (failure?.version === version && clock.now() - failure.at < freshMs) throw failure.error;
    try {
      const task = await loadVersion(entry.pointer, version, base);
      opened.set(key, task, bytesOf(task));
      return task;
    } catch (error) {
      entry.failure = { version, error, at: clock.now() };
      throw error;
    }
  }

  function loadVersion(
    { task: name, versions }: TaskPointer,
    version: string,
    base: BaseManifest,
  ): Promise<Task> {
    const listed = versions.find((item) => item.version === version);
    if (!listed) {
      throw new NotFoundError(
        "version-not-found",
        `task "${name}": has no version ${JSON.stringify(version.slice(0, 40))}, known are ${versions.map((item) => item.version).join(", ")}`,
      );
    }
    return asTaskFailure(name, async () => {
      const manifestHash = hashOf(listed.manifest);
      const manifestBytes = await readBlob(manifestHash, MAX_MANIFEST_BYTES);
      const subject = `task "${name}": manifest.json`;
      const ref = { sha256: manifestHash, bytes: manifestBytes.byteLength };
      await checkFile(subject, manifestBytes, ref, sha256);
      const manifest = readTaskManifest(manifestBytes, subject);
      if (manifest.task !== name) {
        throw new FormatError("task-manifest-invalid", `${subject}: is of task "${manifest.task}"`);
      }
      const prefixBytes = await readBlob(manifest.prefix.sha256, MAX_PREFIX_BYTES);
      return openTask(manifest, version, prefixBytes, base, sha256);
    });
  }

  async function readBlob(hash: string, maxBytes: number): Promise<Uint8Array> {
    const object = await bucket.get(blobKey(hash), maxBytes);
    if (object === null || object === "unchanged") {
      throw new FormatError("blob-missing", `blob ${hash.slice(0, 12)}..: is not in the bucket`);
    }
    return object.bytes;
  }
}

/** A broken artifact is the server's trouble, not the caller's: it becomes one code with its cause. */
async function asTaskFailure<T>(name: string, open: () => T | Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    const isKnown = cause instanceof EdgePrefixError;
    if (cause instanceof MismatchError || cause instanceof UnavailableError) throw cause;
    const reason = isKnown ? cause.message : String(cause);
    throw new UnavailableError(
      "task-corrupt",
      `task "${name}": what the bucket has cannot be used (${reason}); push it again`,
      { cause },
    );
  }
}

const notFound = (name: string): NotFoundError =>
  new NotFoundError(
    "task-not-found",
    `task ${JSON.stringify(name.slice(0, 80))}: does not exist; GET /v1/tasks lists what is served`,
  );

function bytesOf({ prefix, head }: Task): number {
  const sides = prefix.layers.reduce(
    (sum, { key, value }) => sum + key.byteLength + value.byteLength,
    0,
  );
  return sides + head.weight.byteLength + head.bias.byteLength;
}
