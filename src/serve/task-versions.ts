/**
 * Published versions of tasks, opened: manifest -> prefix, each hashed and checked, held in memory
 * up to a byte budget. A version never changes, so neither does what is held of it.
 */
import {
  EdgePrefixError,
  FormatError,
  MismatchError,
  NotFoundError,
  UnavailableError,
} from "../core/errors.ts";
import { blobKey } from "../core/format/keys.ts";
import { checkFile, readTaskManifest } from "../core/format/manifest.ts";
import type { BaseManifest, Sha256, TaskManifest } from "../core/format/manifest.ts";
import { hashOf } from "../core/format/pointer.ts";
import type { TaskPointer } from "../core/format/pointer.ts";
import { lowRankBytes } from "../core/model/low-rank.ts";
import { openTask } from "../core/format/task.ts";
import type { Task } from "../core/format/task.ts";
import type { Bucket } from "./bucket/bucket.ts";
import { createLru } from "./lru.ts";
import type { Trust } from "./trust.ts";

export interface TaskVersions {
  /** A version that is in memory. */
  held(task: string, version: string): Task | undefined;
  /**
   * Opens a version, from memory or from the bucket. Throws NotFoundError `version-not-found`,
   * `version-revoked`, UnavailableError by `Trust.version`,
   * MismatchError `prefix-base-mismatch`, UnavailableError `task-corrupt` or `bucket-unavailable`.
   */
  open(pointer: TaskPointer, version: string, base: BaseManifest): Promise<Task>;
  /** Fetches a version's files for the next `open`; throws what `open` throws of the bucket. */
  fetch(pointer: TaskPointer, version: string): Promise<void>;
  /** A version's manifest alone; throws what `open` throws. */
  manifest(pointer: TaskPointer, version: string): Promise<TaskManifest>;
  readonly cached: { readonly versions: number; readonly bytes: number };
}

export interface TaskVersionsOptions {
  readonly bucket: Bucket;
  readonly sha256: Sha256;
  /** Bytes of prefixes and heads to hold; the least recently used version goes first. */
  readonly cacheBytes: number;
  /** Where it is given, only what a trusted key has signed is opened. */
  readonly trust?: Trust | undefined;
}

const MAX_MANIFEST_BYTES = 1_000_000;
/** 1,024 virtual tokens of a 12-layer base with 768 wide layers in float32 are 75 MB: far above any real prefix. */
const MAX_PREFIX_BYTES = 32_000_000;
/** Manifests of a thousand tasks. */
const MAX_MANIFESTS_BYTES = 2_000_000;
/** Prefixes that were fetched and not opened yet, as many as a cold isolate is asked for. */
const MAX_FETCHED_BYTES = 4_000_000;

export function createTaskVersions(options: TaskVersionsOptions): TaskVersions {
  const { bucket, sha256, cacheBytes, trust } = options;
  /** By `task@version`. */
  const opened = createLru<Task>(cacheBytes);
  const manifests = createLru<TaskManifest>(MAX_MANIFESTS_BYTES);
  /** Files of prefixes by hash, not checked yet. */
  const fetched = createLru<Uint8Array>(MAX_FETCHED_BYTES);

  return {
    held: (task, version) => opened.get(`${task}@${version}`),
    async open(pointer, version, base) {
      if (pointer.revoked?.includes(version)) throw revoked(pointer.task, version);
      const key = `${pointer.task}@${version}`;
      const held = opened.get(key);
      if (held) return held;
      const manifest = await readManifest(pointer, version);
      const task = await asTaskFailure(pointer.task, async () => {
        const hash = manifest.prefix.sha256;
        const prefixBytes = fetched.get(hash) ?? (await readBlob(hash, MAX_PREFIX_BYTES));
        fetched.delete(hash);
        return openTask(manifest, version, prefixBytes, base, sha256);
      });
      opened.set(key, task, bytesOf(task));
      return task;
    },
    async fetch(pointer, version) {
      const isHeld = (): boolean => opened.get(`${pointer.task}@${version}`) !== undefined;
      const hash = (await readManifest(pointer, version)).prefix.sha256;
      if (isHeld() || fetched.get(hash)) return;
      const bytes = await readBlob(hash, MAX_PREFIX_BYTES);
      // Another request may have opened the version meanwhile: then these would never be used.
      if (!isHeld()) fetched.set(hash, bytes, bytes.byteLength);
    },
    async manifest(pointer, version) {
      const isRevoked = pointer.revoked?.includes(version);
      const held = isRevoked ? undefined : opened.get(`${pointer.task}@${version}`);
      return held?.manifest ?? (await readManifest(pointer, version));
    },
    get cached() {
      return { versions: opened.size, bytes: opened.bytes };
    },
  };

  async function readManifest(pointer: TaskPointer, version: string): Promise<TaskManifest> {
    const { task: name, versions } = pointer;
    if (pointer.revoked?.includes(version)) throw revoked(name, version);
    const listed = versions.find((item) => item.version === version);
    if (!listed) {
      throw new NotFoundError(
        "version-not-found",
        `task "${name}": has no version ${JSON.stringify(version.slice(0, 40))}, known are ${versions.map((item) => item.version).join(", ")}`,
      );
    }
    const hash = hashOf(listed.manifest);
    const held = manifests.get(hash);
    if (held?.task === name) return held;
    return asTaskFailure(name, async () => {
      const subject = `task "${name}": manifest.json`;
      const bytes = await readBlob(hash, MAX_MANIFEST_BYTES);
      await checkFile(subject, bytes, { sha256: hash, bytes: bytes.byteLength }, sha256);
      const manifest = readTaskManifest(bytes, subject);
      if (manifest.task !== name) {
        throw new FormatError("task-manifest-invalid", `${subject}: is of task "${manifest.task}"`);
      }
      if (trust) {
        const files = [
          ["manifest.json", hash],
          ["prefix.safetensors", manifest.prefix.sha256],
        ] as const;
        await trust.version(`task "${name}" version ${version}`, files, listed.signature);
      }
      manifests.set(hash, manifest, bytes.byteLength);
      return manifest;
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

const revoked = (name: string, version: string): NotFoundError =>
  new NotFoundError(
    "version-revoked",
    `task "${name}": version ${version} was revoked by its owner; ask for another version, or none`,
  );

/** A broken artifact is the server's trouble, not the caller's: it becomes one code with its cause. */
export async function asTaskFailure<T>(name: string, open: () => T | Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    const isOwn = cause instanceof MismatchError || cause instanceof NotFoundError;
    if (isOwn || cause instanceof UnavailableError) throw cause;
    const reason = cause instanceof EdgePrefixError ? cause.message : String(cause);
    throw new UnavailableError(
      "task-corrupt",
      `task "${name}": what the bucket has cannot be used (${reason}); push it again`,
      { cause },
    );
  }
}

function bytesOf({ prefix, head }: Task): number {
  const sides = prefix.layers.reduce(
    (sum, { key, value }) => sum + key.byteLength + value.byteLength,
    0,
  );
  const { deltas } = prefix;
  const vectors = deltas ? deltas.biasDeltas.byteLength + deltas.layerWeights.byteLength : 0;
  const factors = prefix.lowRank ? lowRankBytes(prefix.lowRank) : 0;
  return sides + vectors + factors + head.weight.byteLength + head.bias.byteLength;
}
