/**
 * Publishes a task folder: check it against the base in the bucket, upload the prefix and the
 * manifest as blobs, then move the task's pointer. The pointer is one small object written by
 * compare-and-swap, so a reader sees the old version or the new one, whole, at any moment.
 */
import { join } from "node:path";
import { FormatError, InputError, NotFoundError } from "../../src/core/errors.ts";
import {
  TASK_PREFIX,
  blobKey,
  checkName,
  isName,
  taskKey,
  versionOf,
} from "../../src/core/keys.ts";
import { readTaskManifest } from "../../src/core/manifest.ts";
import type { BaseManifest, TaskManifest } from "../../src/core/manifest.ts";
import { MAX_VERSIONS, hashOf, readTaskPointer } from "../../src/core/pointer.ts";
import type { TaskPointer, TaskVersion } from "../../src/core/pointer.ts";
import { openTask } from "../../src/core/task.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { ensureBlob, readable, sha256, sha256Of, sleep, updatePointer } from "./bucket.ts";
import type { PublishBucket, Wait } from "./bucket.ts";
import { readFileOf } from "./folder.ts";
import { fetchBaseManifest } from "./publish-base.ts";

export interface PublishedTask {
  readonly task: string;
  readonly version: string;
  /** The version that was current before, null for a new task. */
  readonly previous: string | null;
  readonly isChanged: boolean;
}

export interface TaskFolder {
  readonly manifest: TaskManifest;
  readonly manifestBytes: Uint8Array;
  readonly version: string;
}

/** A task folder's manifest; throws NotFoundError `task-folder-not-found` or FormatError. */
export async function readTaskFolder(folder: string): Promise<TaskFolder> {
  const bytes = await readFileOf(folder, "manifest.json", "task-folder-not-found");
  const manifest = readTaskManifest(bytes, join(folder, "manifest.json"));
  return { manifest, manifestBytes: bytes, version: versionOf(sha256Of(bytes)) };
}

/** Checks all of a task folder against `base`; throws what core/task.ts throws. */
export async function checkTaskFolder(folder: string, base: BaseManifest): Promise<Uint8Array> {
  const { manifest, version } = await readTaskFolder(folder);
  const prefix = await readFileOf(folder, "prefix.safetensors", "task-folder-not-found");
  await openTask(manifest, version, prefix, base, sha256);
  return prefix;
}

/**
 * Uploads a task folder and makes it the task's current version. A pointer that cannot be read is
 * replaced: a push is the one way to repair it.
 */
export async function publishTask(
  bucket: PublishBucket,
  folder: string,
  { wait = sleep, now = () => new Date() }: { wait?: Wait; now?: () => Date } = {},
): Promise<PublishedTask> {
  const { manifest, manifestBytes, version } = await readTaskFolder(folder);
  const base = await fetchBaseManifest(bucket, manifest.base.name);
  const prefix = await checkTaskFolder(folder, base);
  await ensureBlob(bucket, prefix, wait);
  await ensureBlob(bucket, manifestBytes, wait);

  const entry: TaskVersion = {
    version,
    manifest: `sha256:${sha256Of(manifestBytes)}`,
    created: now().toISOString(),
  };
  return movePointer(bucket, manifest.task, wait, readablePointer, (pointer) => {
    const versions = pointer?.versions ?? [];
    const isKnown = versions.some((item) => item.version === version);
    return {
      task: manifest.task,
      current: version,
      versions: isKnown ? versions : [entry, ...versions].slice(0, MAX_VERSIONS),
      canary: null,
    };
  });
}

/**
 * Makes an earlier version current again: `version`, or the one published before the current one.
 * Its blobs are checked first. Throws NotFoundError `task-not-found` or `version-not-found`.
 */
export async function rollbackTask(
  bucket: PublishBucket,
  task: string,
  version: string | undefined,
  wait: Wait = sleep,
): Promise<PublishedTask> {
  const pointer = await fetchTaskPointer(bucket, task);
  const target = findTarget(pointer, version);
  await fetchVersion(bucket, task, target);
  return movePointer(bucket, task, wait, readTaskPointer, (current) => {
    if (!current?.versions.some((item) => item.version === target.version)) {
      throw versionNotFound(task, target.version, current?.versions ?? []);
    }
    return { ...current, current: target.version, canary: null };
  });
}

function findTarget(pointer: TaskPointer, version: string | undefined): TaskVersion {
  const { task, current, versions } = pointer;
  if (version === undefined) {
    const earlier = versions[versions.findIndex((item) => item.version === current) + 1];
    if (earlier) return earlier;
    throw new NotFoundError(
      "version-not-found",
      `task "${task}": has no version before ${current}; versions: ${versions.map((v) => v.version).join(", ")}`,
    );
  }
  const matches = versions.filter((item) => item.version.startsWith(version));
  if (matches.length > 1) {
    throw new InputError(
      "version-ambiguous",
      `task "${task}": ${version} may be ${matches.map((item) => item.version).join(" or ")}`,
    );
  }
  return matches[0] ?? fail(versionNotFound(task, version, versions));
}

const versionNotFound = (task: string, version: string, versions: readonly TaskVersion[]) =>
  new NotFoundError(
    "version-not-found",
    `task "${task}": has no version ${version}, it has ${versions.map((item) => item.version).join(", ")}`,
  );

function fail(error: Error): never {
  throw error;
}

/** A task's pointer; throws NotFoundError `task-not-found`. */
export async function fetchTaskPointer(bucket: PublishBucket, task: string): Promise<TaskPointer> {
  const key = taskKey(checkName("task", task));
  const object = await bucket.get(key);
  if (object) return readTaskPointer(object.bytes, key);
  const tasks = await listTasks(bucket);
  throw new NotFoundError(
    "task-not-found",
    `task "${task}": is not in the bucket, found ${tasks.length > 0 ? tasks.join(", ") : "none"}`,
  );
}

/** Names of the tasks in the bucket, sorted. */
export async function listTasks(bucket: PublishBucket): Promise<string[]> {
  const keys = await bucket.list(TASK_PREFIX);
  return keys
    .map((key) => key.slice(TASK_PREFIX.length, -".json".length))
    .filter((name, i) => isName(name) && keys[i] === taskKey(name))
    .sort();
}

/** A published version, checked as far as hashes go: its manifest and the bytes of its prefix. */
export async function fetchVersion(
  bucket: PublishBucket,
  task: string,
  { version, manifest: reference }: TaskVersion,
): Promise<{ manifest: TaskManifest; prefix: Uint8Array }> {
  const subject = `task "${task}" version ${version}`;
  const blob = async (hash: string, what: string): Promise<Uint8Array> => {
    const object = await bucket.get(blobKey(hash));
    if (object && sha256Of(object.bytes) === hash) return object.bytes;
    throw new FormatError(
      "blob-corrupt",
      `${subject}: its ${what} is ${object ? "corrupt" : "missing"} in the bucket; push the task folder again`,
    );
  };
  const manifest = readTaskManifest(
    await blob(hashOf(reference), "manifest"),
    `${subject}: manifest`,
  );
  return { manifest, prefix: await blob(manifest.prefix.sha256, "prefix") };
}

/** The pointer, or null where it is damaged or another task's. */
export function readablePointer(bytes: Uint8Array, key: string): TaskPointer | null {
  const pointer = readable(() => readTaskPointer(bytes, key));
  return pointer && taskKey(pointer.task) === key ? pointer : null;
}

/** Writes `change(pointer)` by compare-and-swap, unless it is what the pointer says already. */
async function movePointer(
  bucket: PublishBucket,
  task: string,
  wait: Wait,
  read: (bytes: Uint8Array, subject: string) => TaskPointer | null,
  change: (pointer: TaskPointer | null) => TaskPointer,
): Promise<PublishedTask> {
  const key = taskKey(task);
  let previous: string | null = null;
  let version = "";
  const isChanged = await updatePointer(
    bucket,
    key,
    (bytes) => {
      const pointer = bytes && read(bytes, key);
      const next = change(pointer);
      version = next.current;
      if (pointer && pointer.current === next.current) return null;
      previous = pointer?.current ?? null;
      return encodeUtf8(`${JSON.stringify(next)}\n`);
    },
    wait,
  );
  return { task, version, previous, isChanged };
}
