/**
 * Tasks by name: pointer -> manifest -> prefix, each checked, held in memory up to a byte budget.
 *
 * Guarantees: a task that does not check out never replaces a good version in memory (the good one
 * answers on, marked stale) and never disturbs another task; a push is seen as soon as the pointer
 * is older than `freshMs`. Every request does its own reads: sharing promises between requests is
 * not safe in a Worker, and the files are small.
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
}

export interface TaskStoreOptions {
  readonly bucket: Bucket;
  readonly clock: Pick<Clock, "now">;
  readonly sha256: Sha256;
  /** Bytes of prefixes and heads to hold; the least recently used task goes first. */
  readonly cacheBytes: number;
  /** For how long a pointer is believed without asking the bucket. */
  readonly freshMs: number;
  /** For how long answers go on from memory while the bucket cannot be asked. */
  readonly maxStaleMs: number;
}

interface Entry {
  pointer: TaskPointer;
  etag: string;
  /** When the bucket last confirmed the pointer; also set when it failed, so as not to ask at once. */
  checkedAt: number;
  confirmedAt: number;
  /** The last version that opened as current. */
  good: Task | null;
  isStale: boolean;
  readonly versions: Map<string, Task>;
}

const MAX_MANIFEST_BYTES = 1_000_000;
/** 1,024 virtual tokens of a 12-layer base with 768 wide layers in float32 are 75 MB: far above any real prefix. */
const MAX_PREFIX_BYTES = 32_000_000;

export function createTaskStore(options: TaskStoreOptions): TaskStore {
  const { bucket, clock, sha256, cacheBytes, freshMs, maxStaleMs } = options;
  /** In order of use, least recent first. */
  const entries = new Map<string, Entry>();

  return {
    async list() {
      const keys = await bucket.list(TASK_PREFIX);
      return keys
        .map((key) => key.slice(TASK_PREFIX.length).replace(/\.json$/, ""))
        .filter((name) => isName(name));
    },

    async get(name, base, version) {
      if (!isName(name)) throw notFound(name);
      const entry = await freshEntry(name, base);
      entries.delete(name);
      entries.set(name, entry);
      const wanted = version ?? entry.pointer.current;
      if (version === undefined && entry.isStale && entry.good) {
        return { task: entry.good, isStale: true };
      }
      const task = entry.versions.get(wanted) ?? (await loadVersion(entry, wanted, base));
      evict();
      return { task, isStale: false };
    },
  };

  /** The entry of a task, confirmed by the bucket or young enough; with a good version kept if there was one. */
  async function freshEntry(name: string, base: BaseManifest): Promise<Entry> {
    const known = entries.get(name);
    if (known && clock.now() - known.checkedAt < freshMs) return known;
    try {
      return await confirm(name, known, base);
    } catch (error) {
      const isGone = error instanceof NotFoundError;
      if (isGone) entries.delete(name);
      if (isGone || !known?.good) throw error;
      const isOutage = error instanceof UnavailableError && error.code === "bucket-unavailable";
      if (isOutage && clock.now() - known.confirmedAt > maxStaleMs) throw error;
      known.isStale = true;
      known.checkedAt = clock.now();
      return known;
    }
  }

  async function confirm(
    name: string,
    known: Entry | undefined,
    base: BaseManifest,
  ): Promise<Entry> {
    const object = await bucket.get(taskKey(name), MAX_POINTER_BYTES, known?.etag);
    if (object === null) throw notFound(name);
    const now = clock.now();
    if (object === "unchanged" && known) {
      known.checkedAt = now;
      // An outage is over; a current version that could not be used stays unused.
      if (known.good?.version === known.pointer.current) known.isStale = false;
      known.confirmedAt = now;
      return known;
    }
    if (object === "unchanged") throw notFound(name);
    const pointer = await asTaskFailure(name, async () =>
      readTaskPointer(object.bytes, `pointer of task "${name}"`),
    );
    const next: Entry = {
      pointer,
      etag: object.etag,
      checkedAt: now,
      confirmedAt: now,
      good: known?.good ?? null,
      isStale: false,
      versions: known?.versions ?? new Map(),
    };
    const current = next.versions.get(pointer.current);
    next.good = current ?? (await loadVersion(next, pointer.current, base));
    return next;
  }

  async function loadVersion(entry: Entry, version: string, base: BaseManifest): Promise<Task> {
    const { task: name, versions } = entry.pointer;
    const listed = versions.find((item) => item.version === version);
    if (!listed) {
      throw new NotFoundError(
        "version-not-found",
        `task "${name}": has no version ${JSON.stringify(version.slice(0, 40))}, known are ${versions.map((item) => item.version).join(", ")}`,
      );
    }
    const task = await asTaskFailure(name, async () => {
      const manifestHash = hashOf(listed.manifest);
      const manifestBytes = await readBlob(manifestHash, MAX_MANIFEST_BYTES);
      const subject = `task "${name}": manifest.json`;
      const ref = { sha256: manifestHash, bytes: manifestBytes.byteLength };
      await checkFile(subject, manifestBytes, ref, sha256);
      const manifest = readTaskManifest(manifestBytes, subject);
      const prefixBytes = await readBlob(manifest.prefix.sha256, MAX_PREFIX_BYTES);
      return openTask(manifest, version, prefixBytes, base, sha256);
    });
    entry.versions.set(version, task);
    return task;
  }

  async function readBlob(hash: string, maxBytes: number): Promise<Uint8Array> {
    const object = await bucket.get(blobKey(hash), maxBytes);
    if (object === null || object === "unchanged") {
      throw new FormatError("blob-missing", `blob ${hash.slice(0, 12)}..: is not in the bucket`);
    }
    return object.bytes;
  }

  /** Drops least recently used tasks until the rest fits; the one just used always stays. */
  function evict(): void {
    let total = 0;
    for (const entry of entries.values()) total += entryBytes(entry);
    for (const [name, entry] of entries) {
      if (total <= cacheBytes || entries.size === 1) return;
      total -= entryBytes(entry);
      entries.delete(name);
    }
  }
}

/** A broken artifact is the server's trouble, not the caller's: it becomes one code with its cause. */
async function asTaskFailure<T>(name: string, open: () => Promise<T>): Promise<T> {
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

function entryBytes(entry: Entry): number {
  let bytes = 0;
  for (const { prefix, head } of entry.versions.values()) {
    for (const { key, value } of prefix.layers) bytes += key.byteLength + value.byteLength;
    bytes += head.weight.byteLength + head.bias.byteLength;
  }
  return bytes;
}
