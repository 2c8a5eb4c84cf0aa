/**
 * /v1/uploads in OpenAI's shape: a file in parts, each of which may be sent again. Parts are objects of
 * their own until the upload is complete, so they may have any length and come in any order.
 */
import { InputError, NotFoundError } from "../../core/errors.ts";
import { putFile } from "../../serve/bulk/finish.ts";
import type { StoredFile } from "../../serve/bulk/finish.ts";
import {
  dataKey,
  isId,
  newId,
  uploadKey,
  uploadPartKey,
  uploadPrefix,
} from "../../serve/bulk/keys.ts";
import { readJson, toJson } from "../../serve/bulk/job.ts";
import { joinInto } from "../../serve/bulk/join.ts";
import { readJson as readBody } from "../doors/body.ts";
import type { AppContext, AppHandler } from "../context/context.ts";
import { parseRequest } from "../schemas/request-error.ts";
import { maySee, nowS, ownerOf } from "./bulk-deps.ts";
import type { BulkDeps } from "./bulk-deps.ts";
import { completeRequestSchema, uploadRequestSchema } from "./bulk-schema.ts";
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
}

/** As OpenAI has it; the bucket's lifecycle rule deletes what is left. */
const EXPIRES_S = 3_600;

export function createUpload(deps: BulkDeps): AppHandler {
  return async (c) => {
    const { filename, purpose, bytes } = parseRequest(uploadRequestSchema, await readBody(c, deps));
    const { now, random } = deps.jobs;
    const id = newId("upload_", now(), random());
    const file = newId("file-", now(), random());
    const created_at = nowS(deps);
    const upload: StoredUpload = {
      id,
      bytes,
      created_at,
      filename,
      purpose,
      owner: ownerOf(c),
      file,
    };
    await deps.store.create(uploadKey(id), toJson(upload));
    return c.json(answerOf(upload, "pending", null));
  };
}

/** POST /v1/uploads/{upload}/parts: a form with `data`. */
export function addPart(deps: BulkDeps): AppHandler {
  return async (c) => {
    const upload = await findUpload(c, deps);
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

/** Joins the parts in the order that is asked for. Throws InputError `upload-incomplete`. */
export function completeUpload(deps: BulkDeps): AppHandler {
  return async (c) => {
    const { store } = deps;
    const upload = await findUpload(c, deps);
    const { part_ids: parts } = parseRequest(completeRequestSchema, await readBody(c, deps));
    const keys = parts.map((part) =>
      isId("part_", part) ? uploadPartKey(upload.id, part) : uploadKey(upload.id),
    );
    const found = await store.list(uploadPrefix(upload.id));
    const sizes = new Map(found.map(({ key, bytes }) => [key, bytes]));
    sizes.delete(uploadKey(upload.id));
    const total = keys.reduce((sum, key) => sum + (sizes.get(key) ?? NaN), 0);
    if (total !== upload.bytes) {
      throw new InputError(
        "upload-incomplete",
        Number.isNaN(total)
          ? "part_ids: names a part that this upload does not have"
          : `part_ids: the parts have ${total} bytes, the upload was announced with ${upload.bytes}`,
      );
    }
    const key = dataKey(upload.file);
    await joinInto(store, key, piecesOf(deps, keys));
    const { filename, purpose, owner, bytes } = upload;
    const created_at = nowS(deps);
    const file: StoredFile = { id: upload.file, bytes, created_at, filename, purpose, key, owner };
    await putFile(store, file);
    await store.delete([...sizes.keys(), uploadKey(upload.id)]);
    return c.json(answerOf(upload, "completed", file));
  };
}

export function cancelUpload(deps: BulkDeps): AppHandler {
  return async (c) => {
    const upload = await findUpload(c, deps);
    const found = await deps.store.list(uploadPrefix(upload.id));
    await deps.store.delete(found.map(({ key }) => key));
    return c.json(answerOf(upload, "cancelled", null));
  };
}

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
  throw new NotFoundError(
    "upload-not-found",
    `upload ${JSON.stringify(id.slice(0, 80))}: does not exist, or is complete`,
  );
}

function answerOf(
  { id, bytes, created_at, filename, purpose }: StoredUpload,
  status: UploadAnswer["status"],
  file: StoredFile | null,
): UploadAnswer {
  const expires_at = created_at + EXPIRES_S;
  const known = { id, object: "upload", bytes, created_at, expires_at, filename, purpose } as const;
  return { ...known, status, file: file && toAnswer(file) };
}
