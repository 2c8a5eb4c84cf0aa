/** What the routes of files, uploads and batches look like: OpenAI's names, and a few of ours beside. */
import * as v from "valibot";
import { fields } from "../schemas/bounded.ts";
import { parametersSchema } from "../schemas/schema.ts";
import { InputError } from "../../core/errors.ts";
import type { PredictParameters } from "../../serve/prediction.ts";
import type { Rows } from "../../serve/bulk/job.ts";
import { parseRequest } from "../schemas/request-error.ts";

const described = <const T extends v.GenericSchema>(schema: T, description: string) =>
  v.pipe(schema, v.description(description));
const optional = <const T extends v.GenericSchema>(schema: T, description: string) =>
  described(v.nullish(schema), description);

/** Seconds since 1970. */
const time = v.number();
const maybe = <const T extends v.GenericSchema>(schema: T) => v.nullable(schema);
const IGNORED = "Accepted for OpenAI's clients; has no meaning here: a lifecycle rule deletes.";
const column = v.pipe(v.string(), v.minLength(1), v.maxLength(200));

/** Fields of metadata that OpenAI allows. */
const MAX_METADATA = 16;

/** Body of POST /v1/batches. */
export const batchRequestSchema = fields({
  input_file_id: described(v.string(), "The file, as POST /v1/files gave it."),
  endpoint: optional(
    v.pipe(
      v.string(),
      v.regex(
        /^\/v1\/(?:predict|embeddings|tasks\/[^/]+\/predict)$/,
        "must be /v1/tasks/TASK/predict, /v1/predict or /v1/embeddings",
      ),
    ),
    "The route that every line names as its url: OpenAI's form of lines.",
  ),
  completion_window: optional(
    v.pipe(v.string(), v.regex(/^[1-9]\d{0,2}h$/, 'must be hours such as "24h"')),
    "Hours after which rows that are left are given up; 24h by default.",
  ),
  metadata: optional(
    v.pipe(
      v.record(v.string(), v.pipe(v.string(), v.maxLength(512))),
      v.check((value) => Object.keys(value).length <= MAX_METADATA, `has more than 16 fields`),
    ),
    "Up to 16 texts, given back as they are.",
  ),
  task: optional(
    v.string(),
    'Instead of endpoint: the task of all rows, whose lines are {"id"?, "text", "text_pair"?} or {"id"?, "inputs"}.',
  ),
  parameters: optional(parametersSchema, "With task: how to answer."),
  format: optional(v.picklist(["jsonl", "csv"]), "With task: what the file is; jsonl by default."),
  column: optional(column, 'With csv: the column of the texts; "text" by default.'),
  pair_column: optional(column, "With csv: the column of second texts."),
  id_column: optional(
    column,
    "With csv: the column of ids; by default a row is named by its line.",
  ),
  output_expires_after: optional(v.unknown(), IGNORED),
});

export const batchSchema = v.strictObject({
  id: v.string(),
  object: v.literal("batch"),
  endpoint: v.string(),
  errors: maybe(
    v.strictObject({
      object: v.literal("list"),
      data: v.array(
        v.strictObject({
          code: v.string(),
          message: v.string(),
          param: v.null(),
          line: v.null(),
        }),
      ),
    }),
  ),
  input_file_id: v.string(),
  completion_window: v.string(),
  status: v.picklist([
    "validating",
    "failed",
    "in_progress",
    "finalizing",
    "completed",
    "expired",
    "cancelling",
    "cancelled",
  ]),
  output_file_id: maybe(v.string()),
  error_file_id: maybe(v.string()),
  created_at: time,
  in_progress_at: maybe(time),
  expires_at: time,
  finalizing_at: maybe(time),
  completed_at: maybe(time),
  failed_at: maybe(time),
  expired_at: maybe(time),
  cancelling_at: maybe(time),
  cancelled_at: maybe(time),
  request_counts: v.strictObject({
    total: v.number(),
    completed: v.number(),
    failed: v.number(),
  }),
  metadata: maybe(v.record(v.string(), v.string())),
  task: described(maybe(v.string()), "The task of all rows."),
  versions: described(v.record(v.string(), v.string()), "The versions of tasks that answer."),
  bytes: described(
    v.strictObject({ total: v.number(), done: v.number() }),
    "How much of the file has been answered.",
  ),
});

export const batchListSchema = v.strictObject({
  object: v.literal("list"),
  data: v.array(batchSchema),
  first_id: maybe(v.string()),
  last_id: maybe(v.string()),
  has_more: v.boolean(),
});

export const fileSchema = v.strictObject({
  id: v.string(),
  object: v.literal("file"),
  bytes: v.number(),
  created_at: time,
  filename: v.string(),
  purpose: v.string(),
  status: v.literal("processed"),
});

export const fileListSchema = v.strictObject({
  object: v.literal("list"),
  data: v.array(fileSchema),
  first_id: maybe(v.string()),
  last_id: maybe(v.string()),
  has_more: v.boolean(),
});

export const fileDeletedSchema = v.strictObject({
  id: v.string(),
  object: v.literal("file"),
  deleted: v.boolean(),
});

/** Body of POST /v1/files as JSON: an object of the bucket becomes a file. */
export const fileRequestSchema = fields({
  key: described(v.string(), "Key of an object below inbox/ in the Worker's bucket."),
  purpose: described(v.literal("batch"), "batch"),
});

/** Body of POST /v1/uploads. */
export const uploadRequestSchema = fields({
  filename: v.pipe(v.string(), v.maxLength(512)),
  purpose: described(v.literal("batch"), "batch"),
  bytes: described(v.pipe(v.number(), v.safeInteger(), v.minValue(1)), "Length of the whole file."),
  mime_type: optional(v.string(), "Accepted for OpenAI's clients."),
  expires_after: optional(v.unknown(), IGNORED),
  presigned: optional(
    v.boolean(),
    "Send the parts straight into the bucket, by URLs, where the Worker has the credentials.",
  ),
});

/** Parts that one call gives URLs for. */
const MAX_URLS = 100;
/** As many as an upload of S3 may have. */
export const MAX_PARTS = 10_000;

/** Body of POST /v1/uploads/{upload}/urls. */
export const urlsRequestSchema = fields({
  part_numbers: described(
    v.pipe(
      v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_PARTS))),
      v.maxLength(MAX_URLS),
    ),
    "Which parts are to be sent, from 1.",
  ),
});

export const urlListSchema = v.strictObject({
  object: v.literal("list"),
  data: v.array(
    v.strictObject({ part_number: v.number(), url: described(v.string(), "Takes a PUT.") }),
  ),
  expires_at: time,
});

/** Body of POST /v1/uploads/{upload}/complete. */
export const completeRequestSchema = fields({
  part_ids: described(
    v.pipe(v.array(v.string()), v.maxLength(MAX_PARTS)),
    "The parts in their order; of presigned parts, the ETags that the bucket answered.",
  ),
  md5: optional(v.string(), "Accepted for OpenAI's clients; the length is compared."),
});

export const uploadSchema = v.strictObject({
  id: v.string(),
  object: v.literal("upload"),
  bytes: v.number(),
  created_at: time,
  expires_at: time,
  filename: v.string(),
  purpose: v.string(),
  status: v.picklist(["pending", "completed", "cancelled"]),
  file: maybe(fileSchema),
  part_bytes: described(
    maybe(v.number()),
    "Bytes of each part but the last, where parts are sent by presigned URLs; else null.",
  ),
  not_deleted: described(
    maybe(v.string()),
    "Of a cancelled upload: what is left in the bucket, and why; else null.",
  ),
});

export const uploadPartSchema = v.strictObject({
  id: v.string(),
  object: v.literal("upload.part"),
  created_at: time,
  upload_id: v.string(),
});

export type BatchAnswer = v.InferOutput<typeof batchSchema>;
export type FileAnswer = v.InferOutput<typeof fileSchema>;
export type UploadAnswer = v.InferOutput<typeof uploadSchema>;

export interface BatchRequest {
  readonly fileId: string;
  readonly endpoint: string;
  readonly task: string | null;
  readonly rows: Rows;
  readonly parameters: PredictParameters;
  readonly window: string;
  readonly hours: number;
  readonly metadata: Readonly<Record<string, string>> | null;
}

/** Longer than a queue keeps its messages would promise too much. */
const MAX_HOURS = 336;

/** Reads a parsed body. Throws RequestError `request-invalid` or InputError `parameter-invalid`. */
export function readBatchRequest(body: unknown): BatchRequest {
  const asked = parseRequest(batchRequestSchema, body);
  const {
    endpoint,
    task,
    metadata,
    format,
    column: text,
    pair_column: pair,
    id_column: id,
  } = asked;
  const window = asked.completion_window ?? "24h";
  const hours = Number.parseInt(window, 10);
  if (hours > MAX_HOURS)
    throw invalid("completion_window", `is ${window}, allowed are ${MAX_HOURS}h`);
  const rest = { fileId: asked.input_file_id, window, hours, metadata: metadata ?? null };
  const named = /^\/v1\/tasks\/([^/]+)\/predict$/.exec(endpoint ?? "")?.[1];
  if (typeof task !== "string") {
    if (typeof endpoint !== "string") throw invalid("endpoint", 'is missing, and so is "task"');
    if (format || text || pair || id || asked.parameters) {
      throw invalid(
        "endpoint",
        'lines of requests have no format, columns or parameters; send "task"',
      );
    }
    return { ...rest, endpoint, task: named ?? null, rows: { kind: "requests" }, parameters: {} };
  }
  const own = `/v1/tasks/${task}/predict`;
  if (typeof endpoint === "string" && endpoint !== own) throw invalid("endpoint", `is not ${own}`);
  const { version, ...parameters } = asked.parameters ?? {};
  if (version) throw invalid("parameters/version", "is pinned by the batch to the current version");
  const given = Object.entries(parameters).filter(([, value]) => value !== null);
  const rows: Rows =
    format === "csv"
      ? { kind: "csv", column: text ?? "text", ...(pair ? { pair } : {}), ...(id ? { id } : {}) }
      : { kind: "jsonl" };
  if (rows.kind === "jsonl" && (text || pair || id)) throw invalid("column", "needs format csv");
  return { ...rest, endpoint: own, task, rows, parameters: Object.fromEntries(given) };
}

const invalid = (path: string, what: string): InputError =>
  new InputError("parameter-invalid", `/${path}: ${what}`);
