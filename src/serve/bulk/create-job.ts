/** Makes jobs: of a request, or of a file that was dropped into the bucket. */
import { InputError } from "../../core/errors.ts";
import { isName } from "../../core/format/keys.ts";
import type { ObjectStore } from "../bucket/object-store.ts";
import { INBOX_PREFIX, batchKey, droppedKey, newId } from "./keys.ts";
import { readJson, toJson } from "./job.ts";
import type { Job, Rows } from "./job.ts";
import type { DroppedFile, Sender } from "./messages.ts";

export interface CreateDeps {
  readonly store: ObjectStore;
  readonly sender: Sender;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Letters and digits that no other job has. */
  readonly random: () => string;
  /** The version of a task that is current. Throws what TaskStore.describe throws. */
  readonly versionOf: (task: string) => Promise<string>;
}

/** What is asked for; the rest of a job follows. */
export type JobRequest = Omit<Job, "id" | "created_at" | "expires_at" | "versions"> & {
  readonly hours: number;
};

/** A dropped file has as long as a request by default. */
const HOURS = 24;

/** Writes the job and sends it on its way. Throws what `versionOf` throws. */
export async function createJob(deps: CreateDeps, request: JobRequest): Promise<Job> {
  const id = newId("batch_", deps.now(), deps.random());
  const job = await putJob(deps, id, request);
  await deps.sender.send([{ kind: "plan", batch: id }]);
  return job;
}

async function putJob(
  { store, now, versionOf }: CreateDeps,
  id: string,
  { hours, ...request }: JobRequest,
): Promise<Job> {
  const { task, owner } = request;
  const created = Math.floor(now() / 1000);
  const versions = task === null ? {} : { [task]: await versionOf(task) };
  const times = { created_at: created, expires_at: created + hours * 3_600 };
  const job: Job = { id, ...times, ...request, versions };
  await store.create(batchKey(id), toJson(job), owner === null ? {} : { owner });
  return job;
}

/** inbox/TASK/NAME.jsonl, or .csv with a column "text". */
const DROPPED = new RegExp(`^${INBOX_PREFIX}([^/]+)/[^/]+\\.(jsonl|csv)$`);

/**
 * Makes a job of a dropped file, once however often its event is delivered. Throws InputError
 * `dropped-file-unknown` for a key that is none of inbox/TASK/NAME.jsonl or .csv.
 */
export async function createDroppedJob(
  deps: CreateDeps,
  { key, etag, bytes }: DroppedFile,
): Promise<void> {
  const { store, sender, now, random } = deps;
  const [, task = "", kind] = DROPPED.exec(key) ?? [];
  if (!isName(task)) {
    throw new InputError(
      "dropped-file-unknown",
      `"${key.slice(0, 120)}": is no file of a task, expected ${INBOX_PREFIX}TASK/NAME.jsonl or .csv`,
    );
  }
  const mark = droppedKey(key, etag);
  await store.create(mark, toJson({ batch: newId("batch_", now(), random()) }));
  const { batch } = (await readJson<{ batch: string }>(store, mark))!;
  const rows: Rows = kind === "csv" ? { kind, column: "text" } : { kind: "jsonl" };
  await putJob(deps, batch, {
    endpoint: `/v1/tasks/${task}/predict`,
    input_file_id: key,
    input_key: key,
    bytes,
    completion_window: `${HOURS}h`,
    metadata: null,
    owner: null,
    tasks: null,
    rows,
    task,
    parameters: {},
    hours: HOURS,
  });
  await sender.send([{ kind: "plan", batch }]);
}
