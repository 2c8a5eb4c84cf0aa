/**
 * The version of each task that answers a job. Of a job's own task it is pinned when the job is made;
 * of tasks that only lines name, when the first line does.
 */
import { NotFoundError } from "../../core/errors.ts";
import type { ObjectStore } from "../bucket/object-store.ts";
import { pinKey } from "./keys.ts";
import { readJson, toJson } from "./job.ts";
import type { Job } from "./job.ts";

/** Finds the pinned version of a task; undefined where there is no such task. */
export type Pins = (job: Job, task: string) => Promise<string | undefined>;

export function createPins(store: ObjectStore, versionOf: (task: string) => Promise<string>): Pins {
  /** Of one job at a time: a consumer works on one for a while. */
  let known: { readonly job: string; readonly versions: Map<string, string> } | null = null;
  return async (job, task) => {
    if (known?.job !== job.id) {
      known = { job: job.id, versions: new Map(Object.entries(job.versions)) };
    }
    const { versions } = known;
    const found = versions.get(task) ?? (await pin(store, job.id, task, versionOf));
    if (found !== undefined) versions.set(task, found);
    return found;
  };
}

async function pin(
  store: ObjectStore,
  job: string,
  task: string,
  versionOf: (task: string) => Promise<string>,
): Promise<string | undefined> {
  const key = pinKey(job, task);
  const read = async () => (await readJson<{ version: string }>(store, key))?.version;
  const found = await read();
  if (found !== undefined) return found;
  try {
    const version = await versionOf(task);
    // Another consumer may have been first: then its version counts.
    return (await store.create(key, toJson({ version }))) ? version : await read();
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
