/**
 * Moves a task among the versions that it has: back to an earlier one, or some of its requests to
 * another one. Only the pointer is written. Blobs of the version that is to serve are read and
 * hashed first, so that no pointer ever leads to what is not there.
 */
import { InputError } from "../../src/core/errors.ts";
import { MAX_REVOKED } from "../../src/core/format/pointer.ts";
import type { TaskPointer, TaskVersion } from "../../src/core/format/pointer.ts";
import { sleep } from "./bucket.ts";
import type { PublishBucket, Wait } from "./bucket.ts";
import type { Sealing } from "./sealing.ts";
import {
  fetchTaskPointer,
  fetchVersion,
  findVersion,
  movePointer,
  versionBefore,
  versionNotFound,
} from "./task-pointer.ts";
import type { Move } from "./task-pointer.ts";

/**
 * Makes a version current: `version` or the start of its name, else the one published before the
 * current one. Ends a canary. Throws NotFoundError `task-not-found`, `version-not-found`.
 */
export async function rollbackTask(
  bucket: PublishBucket,
  task: string,
  version: string | undefined,
  wait: Wait = sleep,
  sealing?: Sealing,
): Promise<Move> {
  const pointer = await fetchTaskPointer(bucket, task);
  const target = version === undefined ? versionBefore(pointer) : findVersion(pointer, version);
  await fetchVersion(bucket, task, target);
  return change(
    bucket,
    task,
    target,
    wait,
    (current) => ({
      ...current,
      current: target.version,
      canary: null,
    }),
    sealing,
  );
}

/**
 * Sends `percent` of a task's requests to a version other than the current one. Throws InputError
 * `canary-is-current`, and what rollbackTask throws.
 */
export async function startCanary(
  bucket: PublishBucket,
  task: string,
  { version, percent }: { version: string; percent: number },
  wait: Wait = sleep,
  sealing?: Sealing,
): Promise<Move> {
  const target = findVersion(await fetchTaskPointer(bucket, task), version);
  await fetchVersion(bucket, task, target);
  return change(
    bucket,
    task,
    target,
    wait,
    (current) => {
      if (current.current === target.version) {
        throw new InputError(
          "canary-is-current",
          `task "${task}": version ${target.version} is current already, a canary is another one`,
        );
      }
      return { ...current, canary: { version: target.version, percent } };
    },
    sealing,
  );
}

/** Ends a canary: all requests are the current version's again, or, promoted, the canary's. */
export async function endCanary(
  bucket: PublishBucket,
  task: string,
  { promote = false }: { promote?: boolean } = {},
  wait: Wait = sleep,
  sealing?: Sealing,
): Promise<Move> {
  const { canary, versions } = await fetchTaskPointer(bucket, task);
  if (!promote) {
    return change(
      bucket,
      task,
      undefined,
      wait,
      (current) => ({ ...current, canary: null }),
      sealing,
    );
  }
  const target = canary && versions.find((item) => item.version === canary.version);
  if (!target) {
    throw new InputError("canary-missing", `task "${task}": has no canary that could be promoted`);
  }
  return rollbackTask(bucket, task, target.version, wait, sealing);
}

/** Moves the pointer as long as it has the version that it is to name. */
function change(
  bucket: PublishBucket,
  task: string,
  target: TaskVersion | undefined,
  wait: Wait,
  next: (pointer: TaskPointer) => TaskPointer,
  sealing: Sealing | undefined,
): Promise<Move> {
  return movePointer(
    bucket,
    task,
    (pointer) => {
      const versions = pointer?.versions ?? [];
      const isThere = !target || versions.some((item) => item.version === target.version);
      if (!pointer || !isThere) throw versionNotFound(task, target?.version ?? "any", versions);
      return next(pointer);
    },
    { wait, sealing },
  );
}

/**
 * Makes a version answer no more, not even a request that names it; it can never be pushed again.
 * Throws InputError `version-in-use` for the current version and the canary, and what rollbackTask
 * throws.
 */
export async function revokeVersion(
  bucket: PublishBucket,
  task: string,
  version: string,
  wait: Wait = sleep,
  sealing?: Sealing,
): Promise<Move> {
  const target = findVersion(await fetchTaskPointer(bucket, task), version).version;
  return change(
    bucket,
    task,
    undefined,
    wait,
    (pointer) => {
      if (pointer.current === target || pointer.canary?.version === target) {
        throw new InputError(
          "version-in-use",
          `task "${task}": version ${target} answers now; roll back or end the canary first`,
        );
      }
      const revoked = [target, ...(pointer.revoked ?? []).filter((item) => item !== target)];
      const versions = pointer.versions.filter((item) => item.version !== target);
      return { ...pointer, versions, revoked: revoked.slice(0, MAX_REVOKED) };
    },
    sealing,
  );
}
