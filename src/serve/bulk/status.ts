/** How a job fares: derived from what is in the store, so that there is no counter to keep right. */
import type { ObjectStore } from "../bucket/object-store.ts";
import { cancelKey, doneKey } from "./keys.ts";
import { readJson, readPlan } from "./job.ts";
import type { Done, Job, Plan } from "./job.ts";
import { listParts, sumParts } from "./parts.ts";

/** OpenAI's words. */
export type State =
  "validating" | "in_progress" | "finalizing" | "cancelling" | "expired" | Done["status"];

export interface Status {
  readonly state: State;
  readonly plan: Plan | null;
  readonly done: Done | null;
  /** When it was cancelled, in seconds. */
  readonly cancelledAt: number | null;
  readonly completed: number;
  readonly failed: number;
  /** Bytes of the file that have parts. */
  readonly bytes: number;
}

export async function statusOf(store: ObjectStore, job: Job, nowS: number): Promise<Status> {
  const [done, plan, cancel] = await Promise.all([
    readJson<Done>(store, doneKey(job.id)),
    readPlan(store, job.id),
    readJson<{ at: number }>(store, cancelKey(job.id)),
  ]);
  const cancelledAt = cancel?.at ?? null;
  if (done) {
    const { completed, failed } = done;
    return { state: done.status, plan, done, cancelledAt, completed, failed, bytes: job.bytes };
  }
  const parts = plan === null ? [] : await listParts(store, job.id);
  const { completed, failed, bytes, isWhole } = sumParts(parts, plan?.start ?? 0, job.bytes);
  const known = { plan, done, cancelledAt, completed, failed, bytes };
  if (cancelledAt !== null) return { ...known, state: "cancelling" };
  if (nowS > job.expires_at) return { ...known, state: "expired" };
  if (plan === null) return { ...known, state: "validating" };
  return { ...known, state: isWhole ? "finalizing" : "in_progress" };
}

/** Whether nothing more is to be done for a job, other than joining what is there. */
export async function isStopped(store: ObjectStore, job: Job, nowS: number): Promise<boolean> {
  if (nowS > job.expires_at) return true;
  const marks = await Promise.all([store.head(cancelKey(job.id)), store.head(doneKey(job.id))]);
  return marks.some((mark) => mark !== null);
}
