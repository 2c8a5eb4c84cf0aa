/**
 * Ends a job: joins its parts into one output and one list of errors, in the order of the file, and
 * writes how it ended. Joining again gives the same bytes, so two consumers may both do it.
 */
import {
  errorFileId,
  dataKey,
  doneKey,
  fileKey,
  joinedKey,
  outputFileId,
  partKey,
} from "./keys.ts";
import { readJson, toJson } from "./job.ts";
import type { Done, Job } from "./job.ts";
import { joinInto } from "./join.ts";
import type { ObjectStore } from "../bucket/object-store.ts";
import { listParts, sumParts } from "./parts.ts";
import type { Part } from "./parts.ts";
import { statusOf } from "./status.ts";

/** What a file is, as it is stored beside its bytes. */
export interface StoredFile {
  readonly id: string;
  readonly bytes: number;
  /** Seconds since 1970. */
  readonly created_at: number;
  readonly filename: string;
  readonly purpose: string;
  /** Where the bytes are. */
  readonly key: string;
  /** Name of the key whose file it is; null where keys are off. */
  readonly owner: string | null;
}

/** Makes a file known whose bytes are there. */
export const putFile = async (store: ObjectStore, file: StoredFile): Promise<void> => {
  const facts = file.owner === null ? {} : { owner: file.owner };
  await store.create(fileKey(file.id), toJson(file), facts);
};

/** Joins the parts where the job is at its end; false when rows are left to be answered. */
export async function finishJob(
  { store, now }: { readonly store: ObjectStore; readonly now: () => number },
  job: Job,
): Promise<boolean> {
  const { state, plan, done } = await statusOf(store, job, now());
  if (done) return true;
  const problem = plan?.problem ?? null;
  const status = state === "cancelling" ? "cancelled" : state === "expired" ? state : null;
  if (state !== "finalizing" && status === null && problem === null) return false;
  const finalizing = now();
  const parts = problem === null ? await partsToJoin(store, job.id, status !== null) : [];
  const { completed, failed } = sumParts(parts, 0, 0);
  const output = completed === 0 ? 0 : await joinFile(store, job, "output", parts, now());
  const errors = failed === 0 ? 0 : await joinFile(store, job, "errors", parts, now());
  const end: Done = {
    status: problem === null ? (status ?? "completed") : "failed",
    at: now(),
    finalizing_at: finalizing,
    completed,
    failed,
    output_bytes: output,
    error_bytes: errors,
  };
  await store.create(doneKey(job.id), toJson(end));
  return true;
}

/**
 * All parts; of a job that was stopped early, those that its first end found. A consumer that answers
 * meanwhile may still write one, and the counts would not be those of the files.
 */
async function partsToJoin(
  store: ObjectStore,
  batch: string,
  isStopped: boolean,
): Promise<readonly Part[]> {
  const parts = await listParts(store, batch);
  if (!isStopped) return parts;
  const key = joinedKey(batch);
  await store.create(key, toJson({ starts: parts.map(({ start }) => start) }));
  const joined = await readJson<{ readonly starts: readonly number[] }>(store, key);
  const starts = new Set(joined?.starts);
  return parts.filter(({ start }) => starts.has(start));
}

/** Joins one kind of part into a file; returns its length. */
async function joinFile(
  store: ObjectStore,
  job: Job,
  kind: "output" | "errors",
  parts: readonly Part[],
  nowS: number,
): Promise<number> {
  const id = kind === "output" ? outputFileId(job.id) : errorFileId(job.id);
  const keys = parts.flatMap(({ start, completed, errorsKey }) => {
    if (kind === "output") return completed > 0 ? [partKey(job.id, start)] : [];
    return errorsKey === null ? [] : [errorsKey];
  });
  const bytes = await joinInto(store, dataKey(id), bytesOf(store, keys));
  const file: StoredFile = {
    id,
    bytes,
    created_at: nowS,
    filename: `${job.id}_${kind}.jsonl`,
    purpose: "batch_output",
    key: dataKey(id),
    owner: job.owner,
  };
  await putFile(store, file);
  return bytes;
}

/** Reads that are under way at once: a Worker may have six connections. */
const AHEAD = 4;

async function* bytesOf(store: ObjectStore, keys: readonly string[]): AsyncGenerator<Uint8Array> {
  const read = async (key: string): Promise<Uint8Array> => {
    const bytes = await store.read(key);
    if (bytes) return bytes;
    throw new TypeError(`${key}: was listed and is not there; was the job deleted meanwhile?`);
  };
  for (let i = 0; i < keys.length; i += AHEAD) {
    yield* await Promise.all(keys.slice(i, i + AHEAD).map(read));
  }
}
