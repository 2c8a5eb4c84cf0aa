/** /v1/batches in OpenAI's shape: jobs over files, answered beside the requests of others. */
import { mapLimited } from "../../core/concurrency.ts";
import { InputError, NotFoundError } from "../../core/errors.ts";
import { createJob } from "../../serve/bulk/create-job.ts";
import {
  BATCHES_PREFIX,
  cancelKey,
  errorFileId,
  isId,
  outputFileId,
} from "../../serve/bulk/keys.ts";
import { readJob, toJson } from "../../serve/bulk/job.ts";
import type { Job } from "../../serve/bulk/job.ts";
import { statusOf } from "../../serve/bulk/status.ts";
import type { Status } from "../../serve/bulk/status.ts";
import { checkTask, requireAllTasks } from "../doors/auth.ts";
import { readJson as readBody } from "../doors/body.ts";
import type { AppContext, AppHandler } from "../context/context.ts";
import { READS_AT_ONCE } from "../routes/tasks.ts";
import { listOwn, maySee, nowS, ownerOf, pageOf } from "./bulk-deps.ts";
import type { BulkDeps } from "./bulk-deps.ts";
import { readBatchRequest } from "./bulk-schema.ts";
import type { BatchAnswer } from "./bulk-schema.ts";
import { endsOf, findFile } from "./files.ts";

/** POST /v1/batches: the same doors as the route that the lines are for. */
export function createBatch(deps: BulkDeps): AppHandler {
  return async (c) => {
    const { fileId, window, hours, ...asked } = readBatchRequest(await readBody(c, deps));
    if (asked.task !== null) checkTask(c, asked.task);
    else if (asked.endpoint === "/v1/embeddings") {
      await requireAllTasks(c, async () => undefined);
    }
    const file = await findFile(c, deps, fileId);
    const job = await createJob(deps.jobs, {
      ...asked,
      hours,
      input_file_id: file.id,
      input_key: file.key,
      bytes: file.bytes,
      completion_window: window,
      owner: ownerOf(c),
      tasks: c.var.key?.tasks ?? null,
    });
    Object.assign(c.var.logged, { batch: job.id, bytes: job.bytes });
    return answer(c, deps, job);
  };
}

export const showBatch =
  (deps: BulkDeps): AppHandler =>
  async (c) =>
    answer(c, deps, await findBatch(c, deps, c.req.param("batch") ?? ""));

export function listBatches(deps: BulkDeps): AppHandler {
  return async (c) => {
    const { ids, hasMore } = await listOwn(c, deps, BATCHES_PREFIX, pageOf(c));
    const data = await mapLimited(ids, READS_AT_ONCE, async (id) => {
      const job = await findBatch(c, deps, id);
      return answerOf(job, await statusOf(deps.store, job, nowS(deps)));
    });
    return c.json({ object: "list", data, ...endsOf(ids), has_more: hasMore });
  };
}

/** Rows that are being answered still are; what has been answered is joined. */
export function cancelBatch(deps: BulkDeps): AppHandler {
  return async (c) => {
    const { store, jobs } = deps;
    const job = await findBatch(c, deps, c.req.param("batch") ?? "");
    const { done } = await statusOf(store, job, nowS(deps));
    if (done) {
      throw new InputError(
        "batch-ended",
        `batch "${job.id}": is ${done.status}, only one that is under way can be cancelled`,
      );
    }
    await store.create(cancelKey(job.id), toJson({ at: nowS(deps) }));
    await jobs.sender.send([{ kind: "finish", batch: job.id }]);
    return answer(c, deps, job);
  };
}

/** POST /v1/batches/{batch}/resume: sends again what has no part, as after lost messages. */
export function resumeBatch(deps: BulkDeps): AppHandler {
  return async (c) => {
    const job = await findBatch(c, deps, c.req.param("batch") ?? "");
    await deps.jobs.sender.send([{ kind: "plan", batch: job.id }]);
    return answer(c, deps, job);
  };
}

/** Throws NotFoundError `batch-not-found`. */
async function findBatch(c: AppContext, { store }: BulkDeps, id: string): Promise<Job> {
  const job = isId("batch_", id) ? await readJob(store, id) : null;
  if (job && maySee(c, job.owner)) return job;
  throw new NotFoundError(
    "batch-not-found",
    `batch ${JSON.stringify(id.slice(0, 80))}: does not exist, or has expired`,
  );
}

async function answer(c: AppContext, deps: BulkDeps, job: Job): Promise<Response> {
  return c.json(answerOf(job, await statusOf(deps.store, job, nowS(deps))));
}

/** A job in OpenAI's words. */
function answerOf(job: Job, { state, plan, done, ...rest }: Status): BatchAnswer {
  const { completed, failed, cancelledAt, bytes } = rest;
  const problem = plan?.problem ?? null;
  const at = (status: string): number | null => (done?.status === status ? done.at : null);
  return {
    id: job.id,
    object: "batch",
    endpoint: job.endpoint,
    errors: problem && { object: "list", data: [{ ...problem, param: null, line: null }] },
    input_file_id: job.input_file_id,
    completion_window: job.completion_window,
    // Over its time, and what has been answered is not joined yet.
    status: state === "expired" && !done ? "finalizing" : state,
    output_file_id: done && done.completed > 0 ? outputFileId(job.id) : null,
    error_file_id: done && done.failed > 0 ? errorFileId(job.id) : null,
    created_at: job.created_at,
    in_progress_at: problem ? null : (plan?.at ?? null),
    expires_at: job.expires_at,
    finalizing_at: problem ? null : (done?.finalizing_at ?? null),
    completed_at: at("completed"),
    failed_at: at("failed"),
    expired_at: at("expired"),
    cancelling_at: cancelledAt,
    cancelled_at: at("cancelled"),
    request_counts: {
      // Of csv, a row that breaks the rules may be counted otherwise than it is read.
      total: done?.status === "completed" ? completed + failed : (plan?.rows ?? 0),
      completed,
      failed,
    },
    metadata: job.metadata && { ...job.metadata },
    task: job.task,
    versions: { ...job.versions },
    bytes: { total: job.bytes, done: bytes },
  };
}
