/**
 * Publishes a task folder: checks all of it, its answers included, uploads the prefix and the
 * manifest as blobs that are checked on arrival, then moves the task's pointer. The pointer is one
 * small object, written by compare-and-swap. So a reader sees the old version or the new one, whole,
 * at any moment. A folder that fails a check moves nothing.
 */
import { FormatError, InputError } from "../../src/core/errors.ts";
import { taskKey } from "../../src/core/format/keys.ts";
import type { BaseManifest, TaskManifest } from "../../src/core/format/manifest.ts";
import { MAX_VERSIONS } from "../../src/core/format/pointer.ts";
import type { TaskPointer, TaskVersion } from "../../src/core/format/pointer.ts";
import { openTask } from "../../src/core/format/task.ts";
import type { Task } from "../../src/core/format/task.ts";
import { ensureBlob, sleep } from "./bucket.ts";
import type { Sealing } from "./sealing.ts";
import { signatureToPush } from "./sign-folder.ts";
import { sha256, sha256Hex } from "../node/hash.ts";
import type { PublishBucket, Wait } from "./bucket.ts";
import { checkNorms } from "../task/check-norms.ts";
import { readTaskFolder } from "../task/task-folder.ts";
import { readFileOf } from "../node/files.ts";
import { fetchBaseManifest } from "./publish-base.ts";
import { fetchManifest, movePointer, readablePointer } from "./task-pointer.ts";

/**
 * Answers a task's recorded examples on the graph that serves and compares. Returns how many there
 * were; throws FormatError `examples-mismatch`, UnavailableError `answer-not-finite`.
 */
export type CheckAnswers = (task: Task, base: BaseManifest) => Promise<number>;

export interface PublishedTask {
  readonly task: string;
  readonly version: string;
  /** The version that was current before, null for a new task. */
  readonly previous: string | null;
  readonly isChanged: boolean;
  /** Blobs that were not in the bucket yet. */
  readonly uploaded: number;
  /** Recorded examples that were answered and compared. */
  readonly examples: number;
  /** Versions in the bucket that are not carried on, since no trusted key had signed their pointer. */
  readonly leftOut: number;
}

export interface PublishOptions {
  readonly wait?: Wait;
  readonly now?: () => Date;
  /** Without it, answers are not compared: for the seeding of tasks that come with the project. */
  readonly checkAnswers?: CheckAnswers | undefined;
  /** Leaves the current version and sends it only so many percent of the requests. */
  readonly canaryPercent?: number | undefined;
  /** Publishes also a task whose type or labels are not those of the version that is current. */
  readonly allowsChange?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Seals the pointer; the folder must then be signed by the same key. */
  readonly sealing?: Sealing | undefined;
  /** The folder's model.sig where it is not in the folder: a dry run writes none. */
  readonly signature?: Uint8Array | null | undefined;
}

/**
 * Everything that must hold of a version before a pointer may name it: hash, base, shapes, finite
 * numbers, sane norms, and the answers recorded at training time. Returns the number of answers
 * compared. Throws what core/format/task.ts, task/check-norms.ts and `checkAnswers` throw.
 */
export async function checkVersion(
  { manifest, version, prefix }: { manifest: TaskManifest; version: string; prefix: Uint8Array },
  base: BaseManifest,
  checkAnswers?: CheckAnswers,
): Promise<number> {
  const task = await openTask(manifest, version, prefix, base, sha256);
  checkNorms(task, base.configuration);
  return (await checkAnswers?.(task, base)) ?? 0;
}

/** Checks all of a task folder against `base`; returns its prefix and the answers compared. */
export async function checkTaskFolder(
  folder: string,
  base: BaseManifest,
  checkAnswers?: CheckAnswers,
): Promise<{ prefix: Uint8Array; examples: number }> {
  const { manifest, version } = await readTaskFolder(folder);
  const prefix = await readFileOf(folder, "prefix.safetensors", "task-folder-not-found");
  return {
    prefix,
    examples: await checkVersion({ manifest, version, prefix }, base, checkAnswers),
  };
}

/**
 * Uploads a task folder and makes it the task's current version, or its canary. A pointer that
 * cannot be read is replaced: a push is the one way to repair it. Throws InputError `task-changed`
 * when type or labels are others than before, and what checkVersion throws.
 */
export async function publishTask(
  bucket: PublishBucket,
  folder: string,
  options: PublishOptions = {},
): Promise<PublishedTask> {
  const { wait = sleep, now = () => new Date(), checkAnswers, canaryPercent } = options;
  const { signal, sealing } = options;
  const { manifest, manifestBytes, version } = await readTaskFolder(folder);
  const { task } = manifest;
  const base = await fetchBaseManifest(bucket, manifest.base.name);
  if (options.allowsChange !== true) {
    const live = await fetchLive(bucket, task, version);
    if (live) checkSameAnswers(manifest, live);
  }
  const { prefix, examples } = await checkTaskFolder(folder, base, checkAnswers);
  signal?.throwIfAborted();
  let uploaded = 0;
  const signature = options.signature ?? (await signatureToPush(folder, sealing?.signer));
  for (const blob of [prefix, manifestBytes, ...(signature ? [signature] : [])])
    if (await ensureBlob(bucket, blob, wait)) uploaded++;

  const entry: TaskVersion = {
    version,
    manifest: `sha256:${sha256Hex(manifestBytes)}`,
    created: now().toISOString(),
    ...(signature ? { signature: `sha256:${sha256Hex(signature)}` } : {}),
  };
  signal?.throwIfAborted();

  const { before, isChanged, leftOut } = await movePointer(
    bucket,
    task,
    (pointer) => withVersion(pointer, task, entry, canaryPercent),
    { wait, sealing, replaces: true },
  );
  const previous = before?.current ?? null;
  return { task, version, previous, isChanged, uploaded, examples, leftOut };
}

/** The manifest of the current version; null where it is `version`, or none that can be read. */
async function fetchLive(
  bucket: PublishBucket,
  task: string,
  version: string,
): Promise<TaskManifest | null> {
  const key = taskKey(task);
  const object = await bucket.get(key);
  const pointer = object && readablePointer(object.bytes, key);
  const entry = pointer?.versions.find((item) => item.version === pointer.current);
  try {
    return entry && entry.version !== version ? await fetchManifest(bucket, task, entry) : null;
  } catch (error) {
    // A push is the way to repair a damaged version.
    if (error instanceof FormatError) return null;
    throw error;
  }
}

/** Throws InputError `task-changed` when clients of `live` would get another kind of answer. */
function checkSameAnswers(next: TaskManifest, live: TaskManifest): void {
  const added = next.labels.filter((label) => !live.labels.includes(label));
  const removed = live.labels.filter((label) => !next.labels.includes(label));
  const changes = [
    ...(next.type === live.type ? [] : [`its type is ${next.type} instead of ${live.type}`]),
    ...(next.problem_type === live.problem_type
      ? []
      : [`its problem_type is ${next.problem_type} instead of ${live.problem_type}`]),
    ...(added.length > 0 ? [`it has the new labels ${some(added)}`] : []),
    ...(removed.length > 0 ? [`it lacks the labels ${some(removed)}`] : []),
  ];
  if (changes.length === 0) return;
  throw new InputError(
    "task-changed",
    `task "${next.task}": differs from the version that is live: ${changes.join(", ")}; clients may rely on them: push it under another name, or with --allow-change`,
  );
}

/** The first labels of a list, for a message. */
const some = (labels: readonly string[]): string =>
  labels
    .slice(0, 5)
    .map((label) => JSON.stringify(label))
    .join(", ") + (labels.length > 5 ? ` and ${labels.length - 5} more` : "");

function withVersion(
  pointer: TaskPointer | null,
  task: string,
  entry: TaskVersion,
  canaryPercent: number | undefined,
): TaskPointer {
  const { version } = entry;
  const known = pointer?.versions ?? [];
  const isKnown = known.some((item) => item.version === version);
  const versions = isKnown
    ? known.map((item) => (item.version === version ? withSignature(item, entry) : item))
    : newestOf([entry, ...known], pointer?.current);
  const { revoked } = pointer ?? {};
  if (revoked?.includes(version)) {
    throw new InputError(
      "version-revoked",
      `task "${task}": version ${version} was revoked and cannot come back; train it again`,
    );
  }
  const more = revoked ? { revoked } : {};
  if (canaryPercent === undefined)
    return { task, current: version, versions, canary: null, ...more };
  if (!pointer || pointer.current === version) {
    throw new InputError(
      "canary-is-current",
      `task "${task}": ${pointer ? `version ${version} is current already` : "has no version yet"}, a canary is another version beside a current one; push without --canary`,
    );
  }
  const canary = { version, percent: canaryPercent };
  return { task, current: pointer.current, versions, canary, ...more };
}

/** A version that is pushed again with another signature gets that one. */
const withSignature = (known: TaskVersion, { signature }: TaskVersion): TaskVersion =>
  signature === undefined ? known : { ...known, signature };

/** The versions to keep: the newest, and `current` however old it is. */
function newestOf(versions: readonly TaskVersion[], current: string | undefined): TaskVersion[] {
  const isKept = ({ version }: TaskVersion, at: number): boolean =>
    at < MAX_VERSIONS - 1 || version === current;
  return versions.filter(isKept);
}
