/**
 * /v1/uploads in OpenAI's shape: a file in parts, each of which may be sent again. Parts are objects of
 * their own until the upload is complete, so they may have any length and arrive in any order. Where the
 * Worker has credentials of S3 and the client asks for it, parts are those of one multipart upload
 * instead, and go straight into the bucket by URLs that are signed here.
 */
import { InputError, LimitError, NotFoundError } from "../../core/errors.ts";
import { URL_EXPIRES_S } from "../../serve/bucket/s3-uploads.ts";
import { putFile } from "../../serve/bulk/finish.ts";
import type { StoredFile } from "../../serve/bulk/finish.ts";
import {
  dataKey,
  fileKey,
  isId,
  newId,
  uploadKey,
  uploadPartKey,
  uploadPrefix,
} from "../../serve/bulk/keys.ts";
import { readJson, toJson } from "../../serve/bulk/job.ts";
import { PART_BYTES, joinInto } from "../../serve/bulk/join.ts";
import { readJson as readBody } from "../doors/body.ts";
import type { AppContext, AppHandler } from "../context/context.ts";
import { parseRequest } from "../schemas/request-error.ts";
import { maySee, nowS, ownerOf } from "./bulk-deps.ts";
import type { BulkDeps } from "./bulk-deps.ts";
import {
  MAX_PARTS,
  completeRequestSchema,
  uploadRequestSchema,
  urlsRequestSchema,
} from "./bulk-schema.ts";
import type { UploadAnswer } from "./bulk-schema.ts";
import { bodyOf, toAnswer } from "./files.ts";
import { readForm } from "./multipart-form.ts";

interface StoredUpload {
  readonly id: string;
  readonly bytes: number;
  readonly created_at: number;
  readonly filename: string;
  readonly purpose: string;
  readonly owner: string | null;
  /** The file that it becomes. */
  readonly file: string;
  /** Of an upload past the Worker, the bucket's own id; else null. */
  readonly multipart: string | null;
}

/** As OpenAI has it; the bucket's lifecycle rule deletes what is left. */
const EXPIRES_S = 3_600;

/** POST /v1/uploads. Throws LimitError `upload-too-large` for more bytes than its parts hold. */
export function createUpload(deps: BulkDeps): AppHandler {
  return async (c) => {
    const asked = parseRequest(uploadRequestSchema, await readBody(c, deps));
    const { now, random } = deps.jobs;
    const id = newId("upload_", now(), random());
    const file = newId("file-", now(), random());
    const { filename, purpose, bytes, presigned } = asked;
    const uploads = presigned ? deps.uploads : null;
    const most = MAX_PARTS * (uploads?.partBytes ?? PART_BYTES);
    if (bytes > most) {
      throw new LimitError(
        "upload-too-large",
        `upload: has ${bytes} bytes, and ${most} are the most; send several files`,
      );
    }
    const multipart = uploads ? await uploads.begin(dataKey(file)) : null;
    const known = { id, bytes, filename, purpose, file, multipart };
    const upload: StoredUpload = { ...known, created_at: nowS(deps), owner: ownerOf(c) };
    await deps.store.create(uploadKey(id), toJson(upload));
    return c.json(answerOf(deps, upload, "pending"));
  };
}

/**
 * POST /v1/uploads/{upload}/urls: where parts are to be sent, each by a URL for its own length. Throws
 * InputError `upload-not-presigned`, and `request-invalid` for a part that the announced length has not.
 */
export function signParts(deps: BulkDeps): AppHandler {
  return async (c) => {
    const upload = await findOpenUpload(c, deps);
    const { part_numbers: numbers } = parseRequest(urlsRequestSchema, await readBody(c, deps));
    const { uploads, multipart, key } = presignedOf(deps, upload);
    const { partBytes } = uploads;
    const last = Math.ceil(upload.bytes / partBytes);
    const beyond = numbers.find((number) => number > last);
    if (beyond !== undefined) {
      throw new InputError(
        "request-invalid",
        `/part_numbers: has ${beyond}, and the ${upload.bytes} bytes of this upload are ${last} parts of ${partBytes}`,
      );
    }
    const urls = numbers.map(async (part_number) => {
      const bytes = Math.min(partBytes, upload.bytes - (part_number - 1) * partBytes);
      return { part_number, url: await uploads.urlOf(key, multipart, part_number, bytes) };
    });
    const expires_at = nowS(deps) + URL_EXPIRES_S;
    return c.json({ object: "list", data: await Promise.all(urls), expires_at });
  };
}

function presignedOf({ uploads }: BulkDeps, { id, file, multipart }: StoredUpload) {
  if (uploads && multipart !== null) return { uploads, multipart, key: dataKey(file) };
  const why =
    multipart === null
      ? `its parts go through the Worker; send them to /v1/uploads/${id}/parts`
      : "its parts go past the Worker, which has no credentials of S3 any more; cancel it and begin another";
  throw new InputError("upload-not-presigned", `upload "${id}": ${why}`);
}

/** POST /v1/uploads/{upload}/parts: a form with `data`. Throws InputError `upload-presigned`. */
export function addPart(deps: BulkDeps): AppHandler {
  return async (c) => {
    const upload = await findOpenUpload(c, deps);
    if (upload.multipart !== null) {
      throw new InputError(
        "upload-presigned",
        `upload "${upload.id}": its parts go straight into the bucket; ask /v1/uploads/${upload.id}/urls where to`,
      );
    }
    const id = newId("part_", deps.jobs.now(), deps.jobs.random());
    let hasData = false;
    for await (const field of readForm(bodyOf(c), c.req.header("content-type") ?? "")) {
      if (field.name !== "data" || hasData) continue;
      await joinInto(deps.store, uploadPartKey(upload.id, id), field.body);
      hasData = true;
    }
    if (!hasData) throw new InputError("form-invalid", 'body: has no "data"');
    const created_at = nowS(deps);
    return c.json({ id, object: "upload.part", created_at, upload_id: upload.id });
  };
}

/**
 * Joins the parts in the order that is asked for; once it is joined, every call answers as the first did.
 * Throws InputError `upload-incomplete`.
 */
export function completeUpload(deps: BulkDeps): AppHandler {
  return async (c) => {
    const { store } = deps;
    const upload = await findUpload(c, deps);
    const { part_ids: parts } = parseRequest(completeRequestSchema, await readBody(c, deps));
    const joined = await readJson<StoredFile>(store, fileKey(upload.file));
    const file = joined ?? (await joinUpload(deps, upload, parts));
    const own = await keysOf(deps, upload);
    await store.delete(own.filter((key) => key !== uploadKey(upload.id)));
    return c.json(answerOf(deps, upload, "completed", { file }));
  };
}

async function joinUpload(
  deps: BulkDeps,
  upload: StoredUpload,
  parts: readonly string[],
): Promise<StoredFile> {
  const join = upload.multipart === null ? joinParts : completeParts;
  await join(deps, upload, parts);
  const { file: id, filename, purpose, owner, bytes } = upload;
  const created_at = nowS(deps);
  const file: StoredFile = { id, bytes, created_at, filename, purpose, key: dataKey(id), owner };
  await putFile(deps.store, file);
  return file;
}

/** Joins parts that went through the Worker. */
async function joinParts(
  deps: BulkDeps,
  upload: StoredUpload,
  parts: readonly string[],
): Promise<void> {
  const keys = parts.map((part) =>
    isId("part_", part) ? uploadPartKey(upload.id, part) : uploadKey(upload.id),
  );
  const found = await deps.store.list(uploadPrefix(upload.id));
  const sizes = new Map(found.map(({ key, bytes }) => [key, bytes]));
  sizes.delete(uploadKey(upload.id));
  const total = keys.reduce((sum, key) => sum + (sizes.get(key) ?? NaN), 0);
  if (Number.isNaN(total)) {
    throw new InputError(
      "upload-incomplete",
      "part_ids: names a part that this upload does not have",
    );
  }
  checkLength(upload, total);
  await joinInto(deps.store, dataKey(upload.file), piecesOf(deps, keys));
}

/** Completes the bucket's own upload, unless an earlier call has done so and its answer was lost. */
async function completeParts(
  deps: BulkDeps,
  upload: StoredUpload,
  etags: readonly string[],
): Promise<void> {
  const key = dataKey(upload.file);
  if (!(await deps.store.head(key))) {
    const { uploads, multipart } = presignedOf(deps, upload);
    await uploads.complete(key, multipart, etags);
  }
  const total = (await deps.store.head(key))?.bytes ?? 0;
  // The bucket has joined the parts, so none can be added: nothing is left of this upload.
  if (total !== upload.bytes) await deps.store.delete([key, uploadKey(upload.id)]);
  checkLength(upload, total, "; begin another upload");
}

function checkLength({ bytes }: StoredUpload, total: number, help = ""): void {
  if (total === bytes) return;
  throw new InputError(
    "upload-incomplete",
    `part_ids: the parts have ${total} bytes, the upload was announced with ${bytes}${help}`,
  );
}

/** Deletes what has been sent, joined or not. Without credentials of S3 the bucket keeps its parts for now. */
export function cancelUpload(deps: BulkDeps): AppHandler {
  return async (c) => {
    const upload = await findOpenUpload(c, deps);
    const { multipart } = upload;
    const key = dataKey(upload.file);
    if (multipart !== null) await deps.uploads?.abort(key, multipart);
    await deps.store.delete([key, ...(await keysOf(deps, upload))]);
    const not_deleted = multipart !== null && !deps.uploads ? LEFT_PARTS : null;
    return c.json(answerOf(deps, upload, "cancelled", { not_deleted }));
  };
}

const LEFT_PARTS =
  "parts in the bucket, since the Worker has no credentials of S3 any more; R2's default rule deletes them after 7 days";

/** The upload's own object and its parts that went through the Worker. */
const keysOf = async ({ store }: BulkDeps, { id }: StoredUpload): Promise<string[]> =>
  (await store.list(uploadPrefix(id))).map(({ key }) => key);

async function* piecesOf({ store }: BulkDeps, keys: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const key of keys) {
    const opened = await store.open(key);
    if (opened === null) throw new InputError("upload-incomplete", "part_ids: a part is gone");
    const reader = (opened.body as ReadableStream<Uint8Array>).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
  }
}

/** Throws NotFoundError `upload-not-found`. */
async function findUpload(c: AppContext, { store }: BulkDeps): Promise<StoredUpload> {
  const id = c.req.param("upload") ?? "";
  const upload = isId("upload_", id) ? await readJson<StoredUpload>(store, uploadKey(id)) : null;
  if (upload && maySee(c, upload.owner)) return upload;
  throw noUpload(id);
}

/** An upload that has not become a file. Throws the same. */
async function findOpenUpload(c: AppContext, deps: BulkDeps): Promise<StoredUpload> {
  const upload = await findUpload(c, deps);
  if (await deps.store.head(fileKey(upload.file))) throw noUpload(upload.id);
  return upload;
}

const noUpload = (id: string): NotFoundError =>
  new NotFoundError(
    "upload-not-found",
    `upload ${JSON.stringify(id.slice(0, 80))}: does not exist, or is complete`,
  );

function answerOf(
  { uploads }: BulkDeps,
  { id, bytes, created_at, filename, purpose, multipart }: StoredUpload,
  status: UploadAnswer["status"],
  end: { readonly file?: StoredFile; readonly not_deleted?: string | null } = {},
): UploadAnswer {
  const expires_at = created_at + EXPIRES_S;
  const known = { id, object: "upload", bytes, created_at, expires_at, filename, purpose } as const;
  const part_bytes = multipart === null ? null : (uploads?.partBytes ?? null);
  const file = end.file ? toAnswer(end.file) : null;
  return { ...known, status, file, part_bytes, not_deleted: end.not_deleted ?? null };
}
