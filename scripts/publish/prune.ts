/**
 * Deletes blobs that no pointer needs: what an interrupted push left behind, versions that fell out of
 * a pointer, and everything of tasks and bases that were taken down.
 *
 * A push uploads blobs before it moves the pointer that names them, so a blob is left alone until it
 * has been in the bucket for a grace period. That does not cover a blob that a push finds in the bucket
 * and does not send again: a task that was taken down should not be pushed again beside a prune. If it
 * was, the next push of the same folder sends what is missing. A blob counts as named when its hash stands anywhere in
 * a pointer or in a manifest that a pointer names. That keeps a few too many rather than one too few, and
 * works for manifests of every release.
 */
import { mapLimited } from "../../src/core/concurrency.ts";
import { FormatError } from "../../src/core/errors.ts";
import {
  BASE_PREFIX,
  BLOB_PREFIX,
  TASK_PREFIX,
  blobHash,
  blobKey,
} from "../../src/core/format/keys.ts";
import { hashOf, readBasePointer, readTaskPointer } from "../../src/core/format/pointer.ts";
import { deleteObject, sleep } from "./bucket.ts";
import type { ListedObject, PublishBucket, Wait } from "./bucket.ts";

export interface PruneOptions {
  /** Blobs younger than this stay. */
  readonly graceMs: number;
  readonly now?: () => Date;
  readonly wait?: Wait;
  readonly signal?: AbortSignal | undefined;
}

export interface Pruned {
  readonly deleted: readonly ListedObject[];
  /** Blobs that a pointer needs. */
  readonly named: number;
  /** Blobs that no pointer needs, but that are younger than the grace period. */
  readonly young: number;
}

/** A deployed bucket answers a read in some tens of milliseconds. */
const REQUESTS_AT_ONCE = 16;

/** Deletes them. Throws FormatError `prune-unsafe`, and deletes nothing, when a pointer cannot be read. */
export async function prune(
  bucket: PublishBucket,
  { graceMs, now = () => new Date(), wait = sleep, signal }: PruneOptions,
): Promise<Pruned> {
  // Listed before the pointers are read: blobs that are sent meanwhile are not in this list.
  const blobs = await bucket.list(BLOB_PREFIX);
  const needed = await hashesNeeded(bucket);
  const oldest = now().getTime() - graceMs;
  const unnamed = blobs.filter(({ key }) => {
    const hash = blobHash(key);
    return hash !== null && !needed.has(hash);
  });
  const deleted = unnamed.filter(({ uploaded }) => uploaded.getTime() <= oldest);
  await mapLimited(deleted, REQUESTS_AT_ONCE, async ({ key }) => {
    signal?.throwIfAborted();
    await deleteObject(bucket, key, wait);
  });
  return {
    deleted,
    named: blobs.length - unnamed.length,
    young: unnamed.length - deleted.length,
  };
}

/** Hashes in all pointers, and in all manifests that they name. */
async function hashesNeeded(bucket: PublishBucket): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  const addAll = (document: Uint8Array): void => {
    for (const [hash] of Buffer.from(document)
      .toString()
      .matchAll(/[0-9a-f]{64}/g)) {
      needed.add(hash);
    }
  };
  const keys = [...(await bucket.list(TASK_PREFIX)), ...(await bucket.list(BASE_PREFIX))];
  await mapLimited(keys, REQUESTS_AT_ONCE, async ({ key }) => {
    const pointer = await bucket.get(key);
    if (!pointer) return; // taken down meanwhile
    addAll(pointer.bytes);
    for (const manifest of manifestsOf(key, pointer.bytes)) {
      const blob = await bucket.get(blobKey(manifest));
      if (blob) addAll(blob.bytes);
    }
  });
  return needed;
}

/** Hashes of the manifests that a pointer names. */
function manifestsOf(key: string, bytes: Uint8Array): string[] {
  try {
    if (key.startsWith(BASE_PREFIX)) return [hashOf(readBasePointer(bytes, key).manifest)];
    return readTaskPointer(bytes, key).versions.map(({ manifest }) => hashOf(manifest));
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new FormatError(
      "prune-unsafe",
      `${key}: cannot be read (${cause.message}), so the blobs that it needs are not known; nothing was deleted, push or unpublish it first`,
      { cause },
    );
  }
}
