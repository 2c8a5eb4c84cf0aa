/**
 * A batch on this machine, by the core that the Worker has, without a Worker: the folder OUT.parts is
 * its bucket, a list its queue. So the output is the same, and a run that was interrupted goes on with
 * what has no part.
 */
import { existsSync } from "node:fs";
import { copyFile, rename, rm, stat } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { InputError, UnavailableError } from "../../src/core/errors.ts";
import type { AnswerRows } from "../../src/serve/bulk/answered.ts";
import { createConsumer } from "../../src/serve/bulk/consumer.ts";
import { batchKey, dataKey, errorFileId, outputFileId } from "../../src/serve/bulk/keys.ts";
import { readJob, toJson } from "../../src/serve/bulk/job.ts";
import type { Job } from "../../src/serve/bulk/job.ts";
import type { Message } from "../../src/serve/bulk/messages.ts";
import { statusOf } from "../../src/serve/bulk/status.ts";
import type { ObjectStore } from "../../src/serve/bucket/object-store.ts";
import { sha256Hex } from "../node/hash.ts";
import type { BatchAsk, BatchResult, Tell } from "./batch-run.ts";
import { folderObjects } from "./folder-objects.ts";

const BATCH = "batch_0local";
const INPUT_KEY = "inbox/input";
/** A run on one's own machine has no end but its own. */
const NEVER_S = 9_000_000_000;
/** A message that failed so often is given up, as in wrangler.bulk.toml. */
const MAX_ATTEMPTS = 6;

export interface LocalOptions {
  readonly task: string;
  readonly version: string;
  readonly answer: AnswerRows;
  readonly signal: AbortSignal;
  readonly tell: Tell;
}

/** Answers the file; null when it was interrupted. Throws InputError `batch-differs`, FormatError. */
export async function runLocally(
  ask: BatchAsk,
  { task, version, answer, signal, tell }: LocalOptions,
): Promise<BatchResult | null> {
  const folder = `${ask.output}.parts`;
  const store = await folderObjects(folder, { [INPUT_KEY]: ask.input });
  const job = await takeJob(store, ask, task, version, folder);
  const now = (): number => Math.floor(Date.now() / 1000);
  const queue: { readonly body: Message; attempts: number; isDead: boolean }[] = [];
  const consumer = createConsumer({
    store,
    clock: { now: () => Date.now(), wait: (ms) => wait(ms) },
    sender: {
      send: async (messages, delayS = 0) => {
        // What looks again later is not needed here: the loop below looks.
        if (delayS > 0) return;
        queue.push(...messages.map((body) => ({ body, attempts: 0, isDead: false })));
      },
    },
    answer: async (...asked) => {
      if (signal.aborted) throw new UnavailableError("batch-interrupted", "batch: interrupted");
      return answer(...asked);
    },
    takeDropped: async () => undefined,
    log: () => undefined,
    retryAfterS: () => 0,
  });
  queue.push({ body: { kind: "plan", batch: job.id }, attempts: 0, isDead: false });
  while (queue.length > 0 && !signal.aborted) {
    const { body, attempts, isDead } = queue.shift()!;
    let isDone = false;
    const delivery = {
      body,
      attempts: attempts + 1,
      ack: () => void (isDone = true),
      retry: () => undefined,
    };
    await (isDead ? consumer.bury([delivery]) : consumer.consume([delivery]));
    if (!isDone && !signal.aborted) {
      const isLast = attempts + 1 >= MAX_ATTEMPTS;
      queue.unshift({ body, attempts: isLast ? 0 : attempts + 1, isDead: isDead || isLast });
    }
    const { completed, failed, bytes } = await statusOf(store, job, now());
    tell({ bytes, total: job.bytes, completed, failed });
  }
  const { done, plan } = await statusOf(store, job, now());
  if (!done) return null;
  if (plan?.problem)
    throw new InputError(plan.problem.code, `${ask.input}: ${plan.problem.message}`);
  await place(folder, outputFileId(job.id), ask.output);
  await place(folder, errorFileId(job.id), ask.errors);
  await rm(folder, { recursive: true });
  const { status, completed, failed } = done;
  return { status, completed, failed };
}

/** The job of the folder, or a new one. Throws InputError `batch-differs`. */
async function takeJob(
  store: ObjectStore,
  { input, rows, parameters }: BatchAsk,
  task: string,
  version: string,
  folder: string,
): Promise<Job> {
  const { size, mtimeMs } = await stat(input);
  const what = JSON.stringify([size, mtimeMs, rows, parameters, version]);
  const print = sha256Hex(what).slice(0, 16);
  const known = await readJob(store, BATCH);
  if (known && known.metadata?.["print"] === print) return known;
  if (known) {
    throw new InputError(
      "batch-differs",
      `${folder}: is of another file, task, version or other parameters; delete it to begin anew`,
    );
  }
  const job: Job = {
    id: BATCH,
    created_at: Math.floor(Date.now() / 1000),
    expires_at: NEVER_S,
    endpoint: `/v1/tasks/${task}/predict`,
    input_file_id: "file-input",
    input_key: INPUT_KEY,
    bytes: size,
    completion_window: "24h",
    metadata: { print },
    owner: null,
    tasks: null,
    rows,
    task,
    parameters,
    versions: { [task]: version },
  };
  await store.create(batchKey(BATCH), toJson(job));
  return job;
}

/** Puts a result beside the input, replacing one of an earlier run. */
async function place(folder: string, id: string, path: string): Promise<void> {
  const from = `${folder}/${dataKey(id)}`;
  if (!existsSync(from)) return rm(path, { force: true });
  await copyFile(from, `${path}.tmp`);
  await rename(`${path}.tmp`, path);
}
