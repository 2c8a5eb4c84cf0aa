/**
 * What publishing needs of a bucket, and the two ways of writing to it: a blob, which is named by
 * its content and never changes, and a pointer, which moves by compare-and-swap only.
 *
 * Both survive a storage that fails now and then: after a failed write they read back what is there
 * before they try again, because a write that reported an error may still have happened.
 */
import { md5Hex, sha256Hex } from "../node/hash.ts";
import { EdgePrefixError, FormatError, UnavailableError } from "../../src/core/errors.ts";
import { blobKey } from "../../src/core/format/keys.ts";

export interface StoredObject {
  readonly bytes: Uint8Array;
  /** Changes with the content; compare-and-swap names it. */
  readonly etag: string;
}

/** What a bucket knows of an object without sending it. */
export interface ObjectFacts {
  readonly bytes: number;
  /** MD5 of the content as 32 hex digits; null where the storage does not tell. */
  readonly md5: string | null;
}

export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
  readonly uploaded: Date;
}

export interface PublishBucket {
  get(key: string): Promise<StoredObject | null>;
  /** Facts of an object, without sending it; null where there is none. */
  stat(key: string): Promise<ObjectFacts | null>;
  /** Writes a blob; the bucket checks the hash on arrival. */
  putBlob(key: string, bytes: Uint8Array, sha256: string): Promise<void>;
  /** Writes only if the object is still `etag` (null: still absent); false when it is not. */
  putIf(key: string, bytes: Uint8Array, etag: string | null): Promise<boolean>;
  /** Every object whose key starts with `prefix`. */
  list(prefix: string): Promise<ListedObject[]>;
  /** Deletes an object; one that is not there is no error. */
  delete(key: string): Promise<void>;
}

/** Waits; passed in so that tests do not. */
export type Wait = (ms: number) => Promise<void>;

/** Attempts and first pause of a retried write: 0.1 + 0.2 + 0.4 + 0.8 + 1.6 s in the worst case. */
const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 100;

export const sleep: Wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Makes sure that the blob is in the bucket, whole. A blob that is there is recognised by its size and
 * MD5 and not read; one that is new is read back once. Returns false when it was there already.
 * Throws UnavailableError `bucket-write-failed`.
 */
export async function ensureBlob(
  bucket: PublishBucket,
  bytes: Uint8Array,
  wait: Wait = sleep,
): Promise<boolean> {
  const hash = sha256Hex(bytes);
  const key = blobKey(hash);
  let isNew = false;
  await retry(`blob ${hash.slice(0, 12)}`, wait, async () => {
    if (await isStored(bucket, key, bytes)) return true;
    isNew = true;
    await bucket.putBlob(key, bytes, hash);
    const back = await bucket.get(key);
    if (back && sha256Hex(back.bytes) === hash) return true;
    throw new Error("it reads back as something else");
  });
  return isNew;
}

/** False for a blob that is missing, damaged, or cannot be asked for: writing it again repairs it. */
async function isStored(bucket: PublishBucket, key: string, bytes: Uint8Array): Promise<boolean> {
  const facts = await bucket.stat(key).catch(() => null);
  return facts?.bytes === bytes.byteLength && (facts.md5 === null || facts.md5 === md5Hex(bytes));
}

/**
 * Replaces a pointer by `change(current)` without losing another writer's update: when another writer
 * was first, `change` runs again on what that writer left. `change` returns null for "leave it".
 * Returns whether the pointer was written. Throws UnavailableError `bucket-write-failed`.
 */
export async function updatePointer(
  bucket: PublishBucket,
  key: string,
  change: (current: Uint8Array | null) => Uint8Array | null | Promise<Uint8Array | null>,
  wait: Wait = sleep,
): Promise<boolean> {
  let written = false;
  await retry(key, wait, async () => {
    const current = await bucket.get(key);
    const next = await change(current?.bytes ?? null);
    // After an attempt that failed but did happen, `change` finds its own work done.
    if (next === null) return true;
    written = true;
    if (!(await bucket.putIf(key, next, current?.etag ?? null))) return false;
    const back = await bucket.get(key);
    return back !== null && back.etag !== current?.etag;
  });
  return written;
}

/** Deletes an object and reads back that it is gone. Throws UnavailableError `bucket-write-failed`. */
export async function deleteObject(
  bucket: PublishBucket,
  key: string,
  wait: Wait = sleep,
): Promise<void> {
  await retry(key, wait, async () => {
    await bucket.delete(key);
    return (await bucket.get(key)) === null;
  });
}

/** What `read` makes of a pointer, or null where it is damaged: then it is to be written anew. */
export function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

/** Runs `attempt` until it returns true; a thrown error counts as a failed attempt. */
async function retry(subject: string, wait: Wait, attempt: () => Promise<boolean>): Promise<void> {
  let cause: unknown;
  for (let i = 0; i < ATTEMPTS; i++) {
    if (i > 0) await wait(FIRST_PAUSE_MS * 2 ** (i - 1));
    try {
      if (await attempt()) return;
      cause = new Error("another writer was faster");
    } catch (error) {
      // The storage may do better next time; what this project itself found wrong stays wrong.
      if (error instanceof EdgePrefixError) throw error;
      cause = error;
    }
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  throw new UnavailableError(
    "bucket-write-failed",
    `${subject}: was not written after ${ATTEMPTS} attempts (last: ${reason}); what was served before is unchanged, try again`,
    { cause },
  );
}
