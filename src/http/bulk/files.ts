/** /v1/files in OpenAI's shape: what batches read and write. */
import { mapLimited } from "../../core/concurrency.ts";
import { InputError, LimitError, NotFoundError } from "../../core/errors.ts";
import { decodeLoosely } from "../../core/text.ts";
import { joinBytes } from "../../core/bytes.ts";
import { putFile } from "../../serve/bulk/finish.ts";
import type { StoredFile } from "../../serve/bulk/finish.ts";
import {
  FILES_PREFIX,
  INBOX_PREFIX,
  dataKey,
  fileKey,
  isId,
  newId,
} from "../../serve/bulk/keys.ts";
import { readJson } from "../../serve/bulk/job.ts";
import { joinInto } from "../../serve/bulk/join.ts";
import { requireAllTasks } from "../doors/auth.ts";
import { readJson as readBody } from "../doors/body.ts";
import type { AppContext, AppHandler } from "../context/context.ts";
import { parseRequest } from "../schemas/request-error.ts";
import { READS_AT_ONCE } from "../routes/tasks.ts";
import { listOwn, maySee, nowS, ownerOf, pageOf } from "./bulk-deps.ts";
import type { BulkDeps } from "./bulk-deps.ts";
import { fileRequestSchema } from "./bulk-schema.ts";
import type { FileAnswer } from "./bulk-schema.ts";
import { readForm } from "./multipart-form.ts";
import type { FormField } from "./multipart-form.ts";

/** Fields of a form other than its file. */
const MAX_FIELD_BYTES = 1_000;
/** What R2 takes in 10,000 parts of 8 MiB is more; a request's body is less. */
const MAX_FILE_BYTES = 50_000_000_000;

const NAME_LENGTH = 512;

/** POST /v1/files: a form with `purpose` and `file`, or JSON that names an object of the bucket. */
export function createFile(deps: BulkDeps): AppHandler {
  return async (c) => {
    const type = c.req.header("content-type") ?? "";
    if (!/^multipart\//i.test(type)) {
      await requireAllTasks(c, async () => undefined);
      return c.json(toAnswer(await registerObject(c, deps)));
    }
    const id = newId("file-", deps.jobs.now(), deps.jobs.random());
    let purpose: string | null = null;
    let stored: { readonly bytes: number; readonly filename: string } | null = null;
    for await (const field of readForm(bodyOf(c), type)) {
      if (field.name === "purpose") purpose = await textOf(field);
      if (field.name !== "file" || stored) continue;
      const bytes = await joinInto(deps.store, dataKey(id), limited(field.body));
      stored = { bytes, filename: (field.filename ?? "").slice(0, NAME_LENGTH) };
    }
    if (purpose !== "batch" || stored === null) {
      await deps.store.delete([dataKey(id)]);
      throw new InputError(
        "form-invalid",
        `body: ${stored ? `"purpose" is ${JSON.stringify(purpose)}, expected "batch"` : 'has no "file"'}`,
      );
    }
    const file: StoredFile = {
      id,
      ...stored,
      purpose,
      created_at: nowS(deps),
      key: dataKey(id),
      owner: ownerOf(c),
    };
    await putFile(deps.store, file);
    Object.assign(c.var.logged, { file: id, bytes: file.bytes });
    return c.json(toAnswer(file));
  };
}

/** Makes a file of an object that was put into the bucket another way, such as by a presigned URL. */
async function registerObject(c: AppContext, deps: BulkDeps): Promise<StoredFile> {
  const { key, purpose } = parseRequest(fileRequestSchema, await readBody(c, deps));
  const found = key.startsWith(INBOX_PREFIX) ? await deps.store.head(key) : null;
  if (found === null) {
    const what = `"${key.slice(0, 120)}": is no object below ${INBOX_PREFIX} in the bucket`;
    throw new NotFoundError("file-not-found", what);
  }
  const id = newId("file-", deps.jobs.now(), deps.jobs.random());
  const filename = key.slice(key.lastIndexOf("/") + 1);
  const { bytes } = found;
  const file = { id, bytes, filename, purpose, created_at: nowS(deps), key, owner: ownerOf(c) };
  await putFile(deps.store, file);
  return file;
}

export function listFiles(deps: BulkDeps): AppHandler {
  return async (c) => {
    const { ids, hasMore } = await listOwn(c, deps, FILES_PREFIX, pageOf(c));
    const purpose = c.req.query("purpose");
    const files = await mapLimited(ids, READS_AT_ONCE, (id) => findFile(c, deps, id));
    const data = files
      .filter((file) => purpose === undefined || file.purpose === purpose)
      .map(toAnswer);
    return c.json({ object: "list", data, ...endsOf(ids), has_more: hasMore });
  };
}

/** What OpenAI's clients ask the next page by. */
export const endsOf = (ids: readonly string[]) => ({
  first_id: ids[0] ?? null,
  last_id: ids.at(-1) ?? null,
});

export const showFile =
  (deps: BulkDeps): AppHandler =>
  async (c) =>
    c.json(toAnswer(await findFile(c, deps, c.req.param("file") ?? "")));

/** GET /v1/files/{file}/content: the bytes as they are in the bucket. */
export function showContent(deps: BulkDeps): AppHandler {
  return async (c) => {
    const file = await findFile(c, deps, c.req.param("file") ?? "");
    const content = await deps.store.open(file.key);
    if (content === null) throw noFile(file.id);
    c.header("content-type", "application/octet-stream");
    c.header("content-length", String(content.bytes));
    return c.body(content.body);
  };
}

export function deleteFile(deps: BulkDeps): AppHandler {
  return async (c) => {
    const { id, key } = await findFile(c, deps, c.req.param("file") ?? "");
    // What was put into the bucket by another is left there.
    await deps.store.delete(key === dataKey(id) ? [fileKey(id), key] : [fileKey(id)]);
    return c.json({ id, object: "file", deleted: true });
  };
}

/** A file that the caller may see. Throws NotFoundError `file-not-found`. */
export async function findFile(c: AppContext, deps: BulkDeps, id: string): Promise<StoredFile> {
  const file = isId("file-", id) ? await readJson<StoredFile>(deps.store, fileKey(id)) : null;
  if (file && maySee(c, file.owner)) return file;
  throw noFile(id);
}

const noFile = (id: string): NotFoundError =>
  new NotFoundError("file-not-found", `file ${JSON.stringify(id.slice(0, 80))}: does not exist`);

export const toAnswer = ({ id, bytes, created_at, filename, purpose }: StoredFile): FileAnswer => ({
  id,
  object: "file",
  bytes,
  created_at,
  filename,
  purpose,
  status: "processed",
});

export const bodyOf = (c: AppContext): ReadableStream<Uint8Array> | null =>
  c.req.raw.body as ReadableStream<Uint8Array> | null;

async function textOf({ name, body }: FormField): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > MAX_FIELD_BYTES) {
      throw new InputError("form-invalid", `body: field "${name.slice(0, 40)}" is too long`);
    }
    pieces.push(piece.slice());
  }
  return decodeLoosely(joinBytes(pieces));
}

async function* limited(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > MAX_FILE_BYTES) {
      throw new LimitError("body-too-large", `file: has more than ${MAX_FILE_BYTES} bytes`);
    }
    yield piece;
  }
}
