/**
 * What a job is: plain data, written once when it is asked for. Everything that decides what an answer
 * is stands in it, task versions included, so that a push in the middle changes nothing.
 */
import { NotFoundError } from "../../core/errors.ts";
import { readRecord } from "../../core/record.ts";
import { encodeUtf8, parseJson } from "../../core/text.ts";
import type { ObjectStore } from "../bucket/object-store.ts";
import type { PredictParameters } from "../prediction.ts";
import { batchKey, planKey } from "./keys.ts";
import type { RecordFormat } from "./records.ts";

/** How the lines of the file are read. */
export type Rows =
  /** OpenAI's: {"custom_id", "method", "url", "body"}. */
  | { readonly kind: "requests" }
  /** {"id"?, "text" | "inputs"}: one task for all. */
  | { readonly kind: "jsonl" }
  /** A table with a header; names of its columns. */
  | { readonly kind: "csv"; readonly column: string; readonly pair?: string; readonly id?: string };

export interface Job {
  readonly id: string;
  /** Seconds since 1970, as OpenAI has times. */
  readonly created_at: number;
  readonly expires_at: number;
  /** The route that answers: of every line, or of the one task. */
  readonly endpoint: string;
  readonly input_file_id: string;
  /** Where the file's bytes are. */
  readonly input_key: string;
  readonly bytes: number;
  readonly completion_window: string;
  readonly metadata: Readonly<Record<string, string>> | null;
  /** Name of the key that asked; null where keys are off. */
  readonly owner: string | null;
  /** Tasks that this key may name; null means all. */
  readonly tasks: readonly string[] | null;
  readonly rows: Rows;
  /** The task of a job in the plain form. */
  readonly task: string | null;
  readonly parameters: PredictParameters;
  /** Versions by task, as they were when the job was asked for. */
  readonly versions: Readonly<Record<string, string>>;
}

/** What planning has found out about the file. Written once; there is none before that. */
export interface Plan {
  readonly at: number;
  /** Records that are not blank. */
  readonly rows: number;
  readonly ranges: number;
  /** Where the first record begins, behind a byte order mark and a header. */
  readonly start: number;
  readonly line: number;
  readonly format: RecordFormat;
  /** Of csv, where the columns are. */
  readonly columns: {
    readonly text: number;
    /** -1 where there is none. */
    readonly pair: number;
    readonly id: number;
  } | null;
  /** Why the file is not read at all; then it has no ranges. */
  readonly problem: { readonly code: string; readonly message: string } | null;
}

/** How a job ended. */
export interface Done {
  readonly status: "completed" | "failed" | "cancelled" | "expired";
  readonly at: number;
  readonly finalizing_at: number;
  readonly completed: number;
  readonly failed: number;
  readonly output_bytes: number;
  readonly error_bytes: number;
}

export const toJson = (value: unknown): Uint8Array => encodeUtf8(JSON.stringify(value));

/** A JSON object of ours; null when there is none. Throws FormatError `bulk-corrupt` or `json-invalid`. */
export async function readJson<T>(store: ObjectStore, key: string): Promise<T | null> {
  const bytes = await store.read(key);
  if (bytes === null) return null;
  const value = parseJson(bytes, key);
  readRecord(value, key, "bulk-corrupt");
  return value as T;
}

/** A job; null when there is none. Throws FormatError `bulk-corrupt` when it is none of ours. */
export async function readJob(store: ObjectStore, id: string): Promise<Job | null> {
  const job = await readJson<Job>(store, batchKey(id));
  if (job === null) return null;
  const r = readRecord(job, batchKey(id), "bulk-corrupt");
  if (r.string("id") !== id) r.fail(`is of another job, "${job.id}"`);
  r.string("input_key");
  r.count("bytes", 0, Number.MAX_SAFE_INTEGER);
  r.record("rows").oneOf("kind", ["requests", "jsonl", "csv"]);
  return job;
}

/** A job that must be there. Throws NotFoundError `batch-not-found`. */
export async function requireJob(store: ObjectStore, id: string): Promise<Job> {
  const job = await readJob(store, id);
  if (job) return job;
  throw new NotFoundError("batch-not-found", `batch "${id}": does not exist, or has expired`);
}

/** The plan of a job; null before there is one. */
export const readPlan = (store: ObjectStore, id: string): Promise<Plan | null> =>
  readJson<Plan>(store, planKey(id));
