/** A task's pointer in the bucket: reading it, finding versions in it, moving it. */
import { FormatError, InputError, NotFoundError } from "../../src/core/errors.ts";
import { TASK_PREFIX, blobKey, checkName, isName, taskKey } from "../../src/core/format/keys.ts";
import { readTaskManifest } from "../../src/core/format/manifest.ts";
import type { TaskManifest } from "../../src/core/format/manifest.ts";
import { hashOf, readTaskPointer } from "../../src/core/format/pointer.ts";
import type { TaskPointer, TaskVersion } from "../../src/core/format/pointer.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { readable, updatePointer } from "./bucket.ts";
import { believedSeal, pointerUntrusted, sealed, signatureNeeded } from "./sealing.ts";
import type { Sealing } from "./sealing.ts";
import { sha256Hex } from "../node/hash.ts";
import type { PublishBucket, Wait } from "./bucket.ts";

/** A task's pointer; throws NotFoundError `task-not-found`, FormatError `pointer-invalid`. */
export async function fetchTaskPointer(bucket: PublishBucket, task: string): Promise<TaskPointer> {
  const key = taskKey(checkName("task", task));
  const object = await bucket.get(key);
  if (object) return readOwnPointer(object.bytes, key);
  throw await taskNotFound(bucket, task);
}

/** Reads a pointer; one of another task in its place is invalid, too. */
export function readOwnPointer(bytes: Uint8Array, key: string): TaskPointer {
  const pointer = readTaskPointer(bytes, key);
  if (taskKey(pointer.task) === key) return pointer;
  throw new FormatError("pointer-invalid", `${key}: is the pointer of task "${pointer.task}"`);
}

/** NotFoundError `task-not-found`, with the tasks that there are. */
export async function taskNotFound(bucket: PublishBucket, task: string): Promise<NotFoundError> {
  // A token that may not list can still say that the task is not there.
  const tasks = await listTasks(bucket).catch(() => null);
  const found = tasks === null ? "" : `, found ${tasks.join(", ") || "none"}`;
  return new NotFoundError("task-not-found", `task "${task}": is not in the bucket${found}`);
}

/** The task whose pointer has this key; null for any other key. */
function taskOf(key: string): string | null {
  const name = key.slice(TASK_PREFIX.length, -".json".length);
  return isName(name) && key === taskKey(name) ? name : null;
}

/** Names of the tasks in the bucket, sorted. */
export async function listTasks(bucket: PublishBucket): Promise<string[]> {
  const objects = await bucket.list(TASK_PREFIX);
  return objects.flatMap(({ key }) => taskOf(key) ?? []).sort();
}

/** A published version, checked as far as hashes go: its manifest and the bytes of its prefix. */
export async function fetchVersion(
  bucket: PublishBucket,
  task: string,
  entry: TaskVersion,
): Promise<{ manifest: TaskManifest; prefix: Uint8Array }> {
  const subject = `task "${task}" version ${entry.version}`;
  const manifest = await fetchManifest(bucket, task, entry);
  return { manifest, prefix: await fetchBlob(bucket, subject, manifest.prefix.sha256, "prefix") };
}

/** A published version's manifest, hashed. Throws FormatError `blob-corrupt`. */
export async function fetchManifest(
  bucket: PublishBucket,
  task: string,
  { version, manifest: reference }: TaskVersion,
): Promise<TaskManifest> {
  const subject = `task "${task}" version ${version}`;
  const bytes = await fetchBlob(bucket, subject, hashOf(reference), "manifest");
  return readTaskManifest(bytes, `${subject}: manifest`);
}

async function fetchBlob(
  bucket: PublishBucket,
  subject: string,
  hash: string,
  what: string,
): Promise<Uint8Array> {
  const object = await bucket.get(blobKey(hash));
  if (object && sha256Hex(object.bytes) === hash) return object.bytes;
  throw new FormatError(
    "blob-corrupt",
    `${subject}: its ${what} is ${object ? "corrupt" : "missing"} in the bucket; push the task folder again`,
  );
}

/**
 * The version that `wanted`, the start of its name, names. Throws NotFoundError
 * `version-not-found`, InputError `version-ambiguous`.
 */
export function findVersion({ task, versions }: TaskPointer, wanted: string): TaskVersion {
  const matches = versions.filter((item) => item.version.startsWith(wanted));
  if (matches.length > 1) {
    throw new InputError(
      "version-ambiguous",
      `task "${task}": ${JSON.stringify(wanted)} may be ${matches.map((item) => item.version).join(" or ")}`,
    );
  }
  const [found] = matches;
  if (found) return found;
  throw versionNotFound(task, wanted, versions);
}

/** The version published before the current one; throws NotFoundError `version-not-found`. */
export function versionBefore({ task, current, versions }: TaskPointer): TaskVersion {
  const earlier = versions[versions.findIndex((item) => item.version === current) + 1];
  if (earlier) return earlier;
  throw new NotFoundError(
    "version-not-found",
    `task "${task}": has no version before ${current}; versions: ${versions.map((v) => v.version).join(", ")}`,
  );
}

export const versionNotFound = (
  task: string,
  version: string,
  versions: readonly TaskVersion[],
): NotFoundError =>
  new NotFoundError(
    "version-not-found",
    `task "${task}": has no version ${version}, it has ${versions.map((item) => item.version).join(", ")}`,
  );

/** The pointer, or null where it is damaged or another task's. */
export const readablePointer = (bytes: Uint8Array, key: string): TaskPointer | null =>
  readable(() => readOwnPointer(bytes, key));

/** What became of a pointer. */
export interface Move {
  readonly pointer: TaskPointer;
  /** What it said before, null for a new task or a damaged pointer. */
  readonly before: TaskPointer | null;
  readonly isChanged: boolean;
  /** Versions of a pointer that no trusted key had sealed, which are not in the new one. */
  readonly leftOut: number;
}

/** How a pointer is read, changed and sealed. */
export interface MoveOptions {
  readonly wait: Wait;
  readonly sealing?: Sealing | undefined;
  /** A push: it replaces a pointer that is damaged, or that no trusted key has sealed. */
  readonly replaces?: boolean;
}

/**
 * Writes `change(pointer)` by compare-and-swap, unless it is what the pointer says already, and
 * seals it where a key is given. `change` may run again, on what a faster writer left; it gets null
 * where there is no pointer, or one that is to be replaced. Throws InputError `signature-needed` for a
 * sealed pointer without a key, `pointer-untrusted`, and what updatePointer throws.
 */
export async function movePointer(
  bucket: PublishBucket,
  task: string,
  change: (pointer: TaskPointer | null) => TaskPointer,
  { wait, sealing, replaces = false }: MoveOptions,
): Promise<Move> {
  const key = taskKey(task);
  const read = replaces ? readablePointer : readOwnPointer;
  const contentOf = (of: TaskPointer): string => JSON.stringify({ ...of, seal: null });
  let before: TaskPointer | null = null;
  let pointer: TaskPointer | null = null;
  let leftOut = 0;
  const isChanged = await updatePointer(
    bucket,
    key,
    async (bytes) => {
      const found = bytes && read(bytes, key);
      if (found?.seal && !sealing) throw signatureNeeded(key, found.seal);
      const seal = found && sealing ? await believedSeal(bytes, sealing, key) : null;
      const isBelieved = !sealing || seal !== null;
      if (found && !isBelieved && !replaces) throw pointerUntrusted(key);
      const next = change(isBelieved ? found : null);
      const isKept = (version: string): boolean =>
        next.versions.some((item) => item.version === version);
      const dropped = isBelieved ? [] : (found?.versions ?? []);
      leftOut = dropped.filter(({ version }) => !isKept(version)).length;
      pointer = next;
      const isSealed = seal?.key === sealing?.signer.key.id;
      // What the last attempt wrote is no state before this move, even if it reported an error.
      if (found && isSealed && contentOf(found) === contentOf(pointer) && !isLimited(sealing)) {
        before ??= found;
        return null;
      }
      if (sealing) pointer = sealed(pointer, seal, sealing);
      before = found;
      return encodeUtf8(`${JSON.stringify(pointer)}\n`);
    },
    wait,
  );
  return { pointer: pointer!, before, isChanged, leftOut };
}

/** A seal with an end is renewed by every write: that is how it is kept alive. */
const isLimited = (sealing: Sealing | undefined): boolean =>
  sealing !== undefined && sealing.goodForMs !== null;
