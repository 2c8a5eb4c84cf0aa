/**
 * Goes on with jobs whose messages were lost: the local queue forgets its messages when it ends, and
 * any queue keeps them for some days only. Planning again sends what has no part.
 */
import type { ObjectStore } from "../bucket/object-store.ts";
import { BATCHES_PREFIX, doneKey, partsPrefix } from "./keys.ts";
import { readJob, readPlan } from "./job.ts";
import type { Sender } from "./messages.ts";

/** The newest jobs, which are those that may be unfinished. */
const MAX_JOBS = 100;

/** Sends unfinished jobs on their way again of which nothing was heard for `silentS` seconds. */
export async function resumeJobs(
  { store, sender, now }: { store: ObjectStore; sender: Sender; now: () => number },
  silentS: number,
): Promise<string[]> {
  const resumed: string[] = [];
  for (const { key } of await store.list(BATCHES_PREFIX, { limit: MAX_JOBS })) {
    const id = key.slice(BATCHES_PREFIX.length, -".json".length);
    const job = await readJob(store, id);
    if (job === null) continue;
    if ((await store.head(doneKey(id))) !== null) continue;
    const plan = await readPlan(store, id);
    const parts = plan === null ? [] : await store.list(partsPrefix(id));
    const heard = parts.reduce(
      (latest, { at }) => Math.max(latest, at / 1000),
      Math.max(job.created_at, plan?.at ?? 0),
    );
    if (now() - heard < silentS) continue;
    await sender.send([{ kind: "plan", batch: id }]);
    resumed.push(id);
  }
  return resumed;
}
