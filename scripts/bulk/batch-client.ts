/** The routes of files and batches, asked from a command line: the calls it needs and no more. */
import { createWriteStream, openAsBlob } from "node:fs";
import { open, rename, stat } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { InputError, NotFoundError, UnavailableError } from "../../src/core/errors.ts";

/** A batch, as far as it is shown. */
export interface RemoteBatch {
  readonly id: string;
  readonly status: string;
  readonly endpoint: string;
  readonly created_at: number;
  readonly output_file_id: string | null;
  readonly error_file_id: string | null;
  readonly errors: { readonly data: readonly { readonly message: string }[] } | null;
  readonly request_counts: {
    readonly total: number;
    readonly completed: number;
    readonly failed: number;
  };
  readonly bytes: { readonly total: number; readonly done: number };
}

export interface BatchClient {
  createBatch(body: object): Promise<RemoteBatch>;
  batch(id: string): Promise<RemoteBatch>;
  batches(limit: number): Promise<readonly RemoteBatch[]>;
  act(id: string, what: "cancel" | "resume"): Promise<RemoteBatch>;
  /**
   * Sends a file, in parts where it is large, and straight into the bucket where the Worker can sign
   * URLs for that; `state` says which parts are there. Returns the file's id.
   */
  send(path: string, state: UploadState, save: () => Promise<void>): Promise<string>;
  /** Writes the content of a file to a path, whole or not at all. */
  download(file: string, path: string): Promise<void>;
}

/** What is known of an upload that may have been interrupted. */
export interface UploadState {
  upload?: string | undefined;
  /** Bytes of a part that goes straight into the bucket; null where parts go through the Worker. */
  partBytes?: number | null | undefined;
  /** Ids of the parts that are there, or their ETags in the bucket. */
  parts: string[];
}

/** Below the 100 MB that a request may have on most of Cloudflare's plans. */
const PART_BYTES = 33_554_432;
/** A server that restarts is back within this. */
const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 250;

export interface BatchClientOptions {
  /** Milliseconds before the second attempt of a call; doubled with each one. */
  readonly firstPauseMs?: number;
  /** Bytes that go to the Worker in one request. */
  readonly maxBytes?: number;
}

/** Opens a client; nothing is asked yet. Every call throws UnavailableError `server-unreachable`. */
export function batchClient(
  url: string,
  key: string | undefined,
  signal: AbortSignal,
  { firstPauseMs = FIRST_PAUSE_MS, maxBytes = PART_BYTES }: BatchClientOptions = {},
): BatchClient {
  const root = `${url.replace(/\/+$/, "")}/v1`;
  const auth = key === undefined ? {} : { authorization: `Bearer ${key}` };

  /** Tries again what fails by the network, by 429 or by 5xx; `request` is made anew each time. */
  async function tryAgain(
    request: () => Promise<Response>,
    attempts: number,
    isLater = (status: number): boolean => status >= 500 || status === 429,
  ): Promise<Response> {
    let cause: unknown;
    for (let i = 0; i < attempts; i++) {
      if (i > 0) await pause(firstPauseMs * 2 ** (i - 1), undefined, { signal });
      try {
        const response = await request();
        if (response.ok) return response;
        const text = await response.text();
        const { code = "request-failed", detail = text.slice(0, 200) } = problemIn(text);
        const message = `${new URL(response.url).origin}: ${detail} (${response.status})`;
        if (isLater(response.status)) cause = new Error(message);
        else if (response.status === 404) throw new NotFoundError(code, message);
        else throw new InputError(code, message);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof InputError || error instanceof NotFoundError) throw error;
        cause = error;
      }
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UnavailableError("server-unreachable", `${url}: does not answer (${reason})`, {
      cause,
    });
  }

  const ask = (path: string, init: RequestInit = {}, attempts = ATTEMPTS): Promise<Response> => {
    const headers = { ...auth, ...init.headers };
    return tryAgain(() => fetch(root + path, { ...init, headers, signal }), attempts);
  };

  /** Sends one part straight into the bucket; returns its ETag. The API key is not for the bucket. */
  async function putPart(
    route: string,
    number: number,
    body: Uint8Array<ArrayBuffer>,
  ): Promise<string> {
    const put = async (): Promise<Response> => {
      // A URL is good for some time only, so each attempt asks for one, once.
      const { data } = await post<{ data: { url: string }[] }>(
        `${route}/urls`,
        { part_numbers: [number] },
        1,
      );
      return fetch(data[0]!.url, { method: "PUT", body, signal });
    };
    const response = await tryAgain(put, ATTEMPTS, (status) => status !== 404);
    await response.arrayBuffer();
    return response.headers.get("etag") ?? "";
  }

  const asJson = async <T>(path: string, init?: RequestInit, attempts?: number): Promise<T> =>
    (await (await ask(path, init, attempts)).json()) as T;
  const post = <T>(path: string, body: object = {}, attempts?: number): Promise<T> =>
    asJson(
      path,
      {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      },
      attempts,
    );
  const form = (name: string, blob: Blob, filename: string): FormData => {
    const data = new FormData();
    data.set("purpose", "batch");
    data.set(name, blob, filename);
    return data;
  };

  return {
    // Not tried again: two batches would answer one file.
    createBatch: (body) => post("/batches", body, 1),
    batch: (id) => asJson(`/batches/${id}`),
    async batches(limit) {
      return (await asJson<{ data: RemoteBatch[] }>(`/batches?limit=${limit}`)).data;
    },
    act: (id, what) => post(`/batches/${id}/${what}`),
    async send(path, state, save) {
      const { size } = await stat(path);
      if (size <= maxBytes) {
        const body = form("file", await openAsBlob(path), basename(path));
        return (await asJson<{ id: string }>("/files", { method: "POST", body })).id;
      }
      if (state.upload === undefined) {
        const asked = { filename: basename(path), purpose: "batch", bytes: size, presigned: true };
        const { id, part_bytes } = await post<{ id: string; part_bytes: number | null }>(
          "/uploads",
          asked,
        );
        Object.assign(state, { upload: id, partBytes: part_bytes, parts: [] });
        await save();
      }
      const route = `/uploads/${state.upload}`;
      const partBytes = state.partBytes ?? maxBytes;
      const file = await open(path);
      try {
        for (let at = state.parts.length * partBytes; at < size; at += partBytes) {
          const bytes = new Uint8Array(Math.min(partBytes, size - at));
          await file.read(bytes, 0, bytes.length, at);
          if (state.partBytes) {
            state.parts.push(await putPart(route, state.parts.length + 1, bytes));
          } else {
            const body = form("data", new Blob([bytes]), "part");
            const part = asJson<{ id: string }>(`${route}/parts`, { method: "POST", body });
            state.parts.push((await part).id);
          }
          await save();
        }
      } finally {
        await file.close();
      }
      const done = await post<{ file: { id: string } }>(`${route}/complete`, {
        part_ids: state.parts,
      });
      return done.file.id;
    },
    async download(file, path) {
      const { body } = await ask(`/files/${file}/content`);
      const partial = `${path}.tmp`;
      await pipeline(Readable.fromWeb(body as never), createWriteStream(partial), { signal });
      await rename(partial, path);
    },
  };
}

function problemIn(text: string): { code?: string; detail?: string } {
  try {
    return JSON.parse(text) as { code?: string; detail?: string };
  } catch {
    return {};
  }
}
