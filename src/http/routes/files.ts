/**
 * GET /files/..: the base and the tasks for a client that computes by itself, such as a browser. The
 * paths below /files are the bucket's keys, and `edge-prefix bundle` writes the same for a plain web
 * server. Pointers are asked for again with their ETag; blobs never change and are passed on from the
 * bucket as they are, whole or by a range of bytes.
 */
import type { MiddlewareHandler } from "hono";
import { InputError, NotFoundError } from "../../core/errors.ts";
import { blobKey, isName } from "../../core/format/keys.ts";
import { encodeUtf8 } from "../../core/text.ts";
import type { FileRange } from "../../serve/bucket/bucket.ts";
import type { PublishedFiles } from "../../serve/published-files.ts";
import { sha256 } from "../../serve/sha256.ts";
import { checkTask } from "../doors/auth.ts";
import type { AppContext, AppDeps, AppEnv, AppHandler } from "../context/context.ts";

/** Every path that gives out files. */
export const FILE_PATHS = [
  "/files/index.json",
  "/files/bases/:file",
  "/files/tasks/:file",
  "/files/blobs/sha256/:hash",
] as const;

const YEAR_S = 31_536_000;

/** Throws NotFoundError `files-off` where the Worker gives out no files. */
export function requireFiles({ config, files }: AppDeps): MiddlewareHandler<AppEnv> {
  return async function checkFiles(_, next) {
    if (!config.servesFiles || !files) {
      throw new NotFoundError(
        "files-off",
        "files: this Worker gives out none; its setting SERVE_FILES is off",
      );
    }
    await next();
  };
}

/** GET /files/index.json: the base and the tasks that the caller may read. */
export function showFilesIndex({ files }: AppDeps): AppHandler {
  return async (c) => {
    const index = await files!.index(c.var.key?.tasks ?? null);
    const bytes = encodeUtf8(JSON.stringify(index));
    return answerJson(c, bytes, await sha256(bytes));
  };
}

/** GET /files/bases/NAME.json: of the one base that is served. */
export function showBasePointer({ files }: AppDeps): AppHandler {
  return (c) => showPointer(c, (name) => files!.basePointer(name));
}

/** GET /files/tasks/TASK.json. Throws InputError `not-allowed`. */
export function showTaskPointer({ files }: AppDeps): AppHandler {
  return (c) =>
    showPointer(c, (name) => {
      checkTask(c, name);
      return files!.taskPointer(name);
    });
}

async function showPointer(
  c: AppContext,
  read: (name: string) => ReturnType<PublishedFiles["basePointer"]>,
): Promise<Response> {
  const file = c.req.param("file") ?? "";
  const name = file.replace(/\.json$/, "");
  const object = file.endsWith(".json") && isName(name) ? await read(name) : null;
  if (object === null) throw notFound(c, "is no file of the served base or of a task");
  return answerJson(c, object.bytes, object.etag);
}

/** GET /files/blobs/sha256/HEX. Whether there is a blob that the caller may not read is not told. */
export function showBlob({ files }: AppDeps): AppHandler {
  return async (c) => {
    const { isPublished, store } = files!;
    const hash = c.req.param("hash") ?? "";
    const isHash = /^[0-9a-f]{64}$/.test(hash);
    if (!isHash || !(await isPublished(hash, c.var.key?.tasks ?? null))) throw noSuchBlob(c);
    const isUnchanged = setFileHeaders(c, hash, `max-age=${YEAR_S}, immutable`);
    if (isUnchanged) return c.body(null, 304);
    c.header("content-type", "application/octet-stream");
    c.header("accept-ranges", "bytes");
    const wanted = wantedRange(c, hash);
    if (c.req.method === "HEAD" || wanted !== null) {
      const info = await store.head(blobKey(hash));
      if (info === null) throw noSuchBlob(c);
      if (c.req.method === "HEAD") return answerBytes(c, null, info.bytes);
      const range = wanted === null ? null : within(c, wanted, info.bytes);
      if (range !== null) {
        const part = await store.open(blobKey(hash), range);
        if (part === null) throw noSuchBlob(c);
        const last = range.offset + range.length - 1;
        c.header("content-range", `bytes ${range.offset}-${last}/${info.bytes}`);
        c.status(206);
        return answerBytes(c, part.body, range.length);
      }
    }
    const whole = await store.open(blobKey(hash));
    if (whole === null) throw noSuchBlob(c);
    return answerBytes(c, whole.body, whole.bytes);
  };
}

function answerBytes(c: AppContext, body: ReadableStream | null, bytes: number): Response {
  c.header("content-length", String(bytes));
  c.var.logged["bytes"] = bytes;
  return body === null ? c.body(null) : c.body(body);
}

function answerJson(c: AppContext, bytes: Uint8Array, etag: string): Response {
  if (setFileHeaders(c, etag, "no-cache")) return c.body(null, 304);
  c.header("content-type", "application/json");
  c.header("content-length", String(bytes.byteLength));
  return c.body(bytes as Uint8Array<ArrayBuffer>);
}

/** Sets what a 304 repeats (RFC 9110, section 15.4.5), and says whether the client has the file. */
function setFileHeaders(c: AppContext, etag: string, caching: string): boolean {
  c.header("etag", `"${etag}"`);
  // What needed a key to read is for no cache that others share.
  c.header("cache-control", `${c.var.key ? "private" : "public"}, ${caching}`);
  const known = c.req.header("if-none-match")?.split(",") ?? [];
  // A proxy that compresses makes a tag weak; the bytes are the same.
  return known
    .map((tag) => tag.trim().replace(/^W\//, ""))
    .some((tag) => tag === `"${etag}"` || tag === "*");
}

/** First and last byte, null where the header leaves them out: the last ones, or from there to the end. */
interface WantedRange {
  readonly first: number | null;
  readonly last: number | null;
}

/** The range that is asked for; null, which means the whole file, for several ranges and other units. */
function wantedRange(c: AppContext, etag: string): WantedRange | null {
  const condition = c.req.header("if-range");
  if (condition !== undefined && condition !== `"${etag}"`) return null;
  const [, first = "", last = ""] =
    /^bytes=(\d{0,15})-(\d{0,15})$/.exec(c.req.header("range") ?? "") ?? [];
  if (first === "" && last === "") return null;
  const isBackwards = first !== "" && last !== "" && Number(last) < Number(first);
  if (isBackwards) return null;
  return { first: first === "" ? null : Number(first), last: last === "" ? null : Number(last) };
}

/** The range within a file of so many bytes. Throws InputError `range-not-satisfiable`. */
function within(c: AppContext, { first, last }: WantedRange, bytes: number): FileRange {
  const offset = first ?? Math.max(0, bytes - (last ?? 0));
  const end = first === null || last === null ? bytes : Math.min(bytes, last + 1);
  if (offset < end) return { offset, length: end - offset };
  c.header("content-range", `bytes */${bytes}`);
  throw new InputError(
    "range-not-satisfiable",
    `range: ${c.req.header("range")} begins behind the end of the file, which has ${bytes} bytes`,
  );
}

const noSuchBlob = (c: AppContext): NotFoundError =>
  notFound(c, "is no blob of the served base or of a task that the caller may read");

const notFound = (c: AppContext, what: string): NotFoundError =>
  new NotFoundError("file-not-found", `file ${JSON.stringify(c.req.path.slice(0, 120))}: ${what}`);
