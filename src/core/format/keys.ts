/** Every bucket key, spelled once. Blobs never change; pointers are the only mutable objects. */
import { InputError } from "../errors.ts";

/** Names of tasks and bases: they appear in URLs, keys and folder names, so the alphabet is small. */
const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;

const BLOB_HASH = /^[0-9a-f]{64}$/;

export const BLOB_PREFIX = "blobs/sha256/";
export const TASK_PREFIX = "tasks/";
export const BASE_PREFIX = "bases/";

/** Key of content-addressed bytes; `sha256` is 64 lower-case hex digits. */
export const blobKey = (sha256: string): string => `${BLOB_PREFIX}${sha256}`;
/** The hash in a blob's key; null for any other key. */
export const blobHash = (key: string): string | null =>
  key.startsWith(BLOB_PREFIX) && BLOB_HASH.test(key.slice(BLOB_PREFIX.length))
    ? key.slice(BLOB_PREFIX.length)
    : null;
/** Key of a task's pointer. */
export const taskKey = (task: string): string => `${TASK_PREFIX}${task}.json`;
/** Key of a base's pointer. */
export const baseKey = (base: string): string => `${BASE_PREFIX}${base}.json`;

/** Whether `name` may name a task or a base. */
export const isName = (name: string): boolean => NAME.test(name);

/** Returns `name`, or throws InputError `name-invalid`. */
export function checkName(subject: string, name: string): string {
  if (isName(name)) return name;
  throw new InputError(
    "name-invalid",
    `${subject} name ${JSON.stringify(name.slice(0, 80))}: allowed are 1 to 64 of a-z 0-9 . _ - with a letter or digit at both ends`,
  );
}

/** A version of a task is the first 12 hex digits of its manifest's SHA-256. */
export const versionOf = (manifestSha256: string): string => manifestSha256.slice(0, 12);
