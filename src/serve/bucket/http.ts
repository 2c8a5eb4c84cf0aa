/**
 * The bucket over HTTP: `{from}/files/<key>`, given out by a Worker or by any web server that has the
 * folder which `edge-prefix bundle` wrote. Only a key that it lists itself, `index.json`, is not in
 * the bucket (core/format/files-index.ts).
 *
 * The client's own HTTP cache does the rest: a blob is taken from it without a question, a pointer is
 * asked for again with the ETag that the cache knows, so that 304 saves its bytes. No header of ours
 * would do that better: a request with `if-none-match` from another origin needs a preflight, which
 * plain web servers refuse. The etags that readers see are made of the content, since a page of another
 * origin may not read the server's.
 */
import { joinBytes } from "../../core/bytes.ts";
import { LimitError, UnavailableError } from "../../core/errors.ts";
import {
  FILES_INDEX_KEY,
  MAX_FILES_INDEX_BYTES,
  readFilesIndex,
} from "../../core/format/files-index.ts";
import { TASK_PREFIX, blobHash, taskKey } from "../../core/format/keys.ts";
import type { Sha256 } from "../../core/format/manifest.ts";
import { parseJson } from "../../core/text.ts";
import type { Bucket } from "./bucket.ts";

/** A response of `fetch`, as far as it is used. */
export interface FileResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: {
    cancel(): Promise<void>;
    getReader(): {
      read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
      cancel(): Promise<void>;
    };
  } | null;
}

/** `fetch` of a browser or of Node, as far as it is used. */
export type FetchFile = (
  url: string,
  init: {
    readonly cache: "default" | "no-cache";
    readonly headers: Record<string, string>;
    readonly signal: AbortSignal;
  },
) => Promise<FileResponse>;

export interface HttpBucketOptions {
  /** Address of the Worker or of the static folder: what `/files/` follows. */
  readonly from: string;
  readonly fetch: FetchFile;
  readonly sha256: Sha256;
  /** Sent as a bearer key, where the Worker asks for one. */
  readonly apiKey?: string | undefined;
  /** For how long the server may be silent. */
  readonly timeoutMs?: number | undefined;
}

/** What is known of a file before its first byte. */
interface Opened {
  readonly body: FileResponse["body"];
  readonly controller: AbortController;
}

/** A phone that changes its network needs some seconds; after this the connection is lost. */
const TIMEOUT_MS = 20_000;
/** A problem document is a few hundred bytes. */
const MAX_PROBLEM_BYTES = 65_536;

/** Reads files over HTTP. */
export function httpBucket(options: HttpBucketOptions): Bucket {
  const { from, fetch, sha256, apiKey, timeoutMs = TIMEOUT_MS } = options;
  const root = `${from.replace(/\/+$/, "")}/files/`;
  const headers: Record<string, string> =
    apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };

  /** One step of a request, which must not take longer than the server may be silent. */
  async function step<T>(
    key: string,
    controller: AbortController,
    ask: () => Promise<T>,
  ): Promise<T> {
    const late = (): void => controller.abort(new Error(`no answer within ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    try {
      return await ask();
    } catch (cause) {
      throw unavailable(key, cause instanceof Error ? cause.message : String(cause), cause);
    } finally {
      clearTimeout(timer);
    }
  }

  async function open(key: string, maxBytes: number): Promise<Opened | null> {
    const controller = new AbortController();
    const cache = blobHash(key) === null ? "no-cache" : "default";
    const response = await step(key, controller, () =>
      fetch(root + key, { cache, headers, signal: controller.signal }),
    );
    const { body } = response;
    if (!response.ok) {
      const problem = await problemOf(key, response, { body, controller });
      if (response.status === 404 && problem.code !== "files-off") return null;
      throw unavailable(key, problem.detail);
    }
    // Of a compressed answer this is less than the whole: then the pieces are counted.
    const bytes = Number(response.headers.get("content-length") ?? 0);
    if (bytes > maxBytes) {
      await body?.cancel();
      throw tooLarge(key, bytes, maxBytes);
    }
    return { body, controller };
  }

  async function* piecesOf(
    key: string,
    { body, controller }: Opened,
    maxBytes: number,
  ): AsyncGenerator<Uint8Array> {
    if (body === null) return;
    const reader = body.getReader();
    let bytes = 0;
    let isOver = false;
    try {
      while (!isOver) {
        const { done, value } = await step(key, controller, () => reader.read());
        isOver = done;
        if (value === undefined) continue;
        bytes += value.byteLength;
        if (bytes > maxBytes) throw tooLarge(key, bytes, maxBytes);
        yield value;
      }
    } finally {
      // A reader that has failed cannot be cancelled any more.
      if (!isOver) await reader.cancel().catch(() => undefined);
    }
  }

  /** What the server says of a failure; a problem document where it is one of ours. */
  async function problemOf(
    key: string,
    { status, headers: answered }: FileResponse,
    opened: Opened,
  ): Promise<{ code: unknown; detail: string }> {
    const fallback = { code: null, detail: `HTTP ${status}` };
    const isProblem = answered.get("content-type")?.startsWith("application/problem+json");
    if (isProblem !== true) {
      await opened.body?.cancel();
      return fallback;
    }
    const bytes = await collect(piecesOf(key, opened, MAX_PROBLEM_BYTES));
    const { code, detail } = parseJson(bytes, key) as { code?: unknown; detail?: unknown };
    return { code, detail: `HTTP ${status}, ${String(detail)}` };
  }

  async function get(key: string, maxBytes: number): Promise<Uint8Array | null> {
    const opened = await open(key, maxBytes);
    return opened && collect(piecesOf(key, opened, maxBytes));
  }

  return {
    async get(key, maxBytes, knownEtag) {
      const bytes = await get(key, maxBytes);
      if (bytes === null) return null;
      const etag = blobHash(key) ?? (await sha256(bytes));
      return etag === knownEtag ? "unchanged" : { bytes, etag };
    },
    async stream(key, maxBytes) {
      const opened = await open(key, maxBytes);
      return opened && { pieces: piecesOf(key, opened, maxBytes) };
    },
    async list(prefix, { after = "", limit } = {}) {
      if (!prefix.startsWith(TASK_PREFIX)) throw unavailable(prefix, "only tasks can be listed");
      const bytes = await get(FILES_INDEX_KEY, MAX_FILES_INDEX_BYTES);
      if (bytes === null) throw unavailable(FILES_INDEX_KEY, "HTTP 404");
      const keys = readFilesIndex(bytes, root + FILES_INDEX_KEY).tasks.map(taskKey);
      const wanted = keys.filter((key) => key.startsWith(prefix) && key > after);
      return wanted
        .sort()
        .slice(0, limit)
        .map((key) => ({ key, etag: null }));
    },
  };
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const kept: Uint8Array[] = [];
  for await (const piece of pieces) kept.push(piece);
  return joinBytes(kept);
}

const unavailable = (key: string, reason: string, cause?: unknown): UnavailableError =>
  new UnavailableError(
    "bucket-unavailable",
    `bucket object "${key}": cannot be read now (${reason})`,
    { cause },
  );

const tooLarge = (key: string, bytes: number, maxBytes: number): LimitError =>
  new LimitError(
    "object-too-large",
    `bucket object "${key}": is ${bytes} bytes, allowed are ${maxBytes}`,
  );
