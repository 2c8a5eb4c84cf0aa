/**
 * Takes a task down: its pointer goes, and a running Worker answers 404 within a second. The blobs of
 * its versions stay until `prune` deletes them, so a push of the same folder brings the task back
 * without sending anything.
 */
import { checkName, taskKey } from "../../src/core/format/keys.ts";
import type { TaskPointer } from "../../src/core/format/pointer.ts";
import { deleteObject, sleep } from "./bucket.ts";
import type { PublishBucket, Wait } from "./bucket.ts";
import { readablePointer, taskNotFound } from "./task-pointer.ts";

/**
 * Deletes a task's pointer and returns what it said, null where it was damaged. Throws NotFoundError
 * `task-not-found`, InputError `name-invalid`, UnavailableError `bucket-write-failed`.
 */
export async function unpublishTask(
  bucket: PublishBucket,
  task: string,
  wait: Wait = sleep,
): Promise<TaskPointer | null> {
  const key = taskKey(checkName("task", task));
  const object = await bucket.get(key);
  if (!object) throw await taskNotFound(bucket, task);
  await deleteObject(bucket, key, wait);
  return readablePointer(object.bytes, key);
}
