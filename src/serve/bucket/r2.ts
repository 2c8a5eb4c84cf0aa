/** The bucket and the file store over Cloudflare R2. */
import { LimitError, UnavailableError } from "../../core/errors.ts";
import type { Bucket, FileStore } from "./bucket.ts";
import { listPages } from "./r2-list.ts";

/** An object's description, without its bytes where it still has the etag that is known. */
interface R2Found {
  readonly etag: string;
  readonly size: number;
}

interface R2FoundBody extends R2Found {
  readonly body: {
    cancel(): Promise<void>;
    getReader(options: { mode: "byob" }): R2Reader;
  };
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Reads into memory that it is given and gives back. */
interface R2Reader {
  /** Fills the view with so many bytes at least, fewer only at the end. */
  readAtLeast(
    minBytes: number,
    view: Uint8Array,
  ): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** Cloudflare's R2 binding, as far as it is used: a Worker's own types of it, however made, fit. */
export interface R2Binding {
  get(
    key: string,
    options?: {
      onlyIf?: { etagDoesNotMatch: string };
      range?: { offset: number; length: number };
    },
  ): Promise<R2FoundBody | R2Found | null>;
  head(key: string): Promise<R2Found | null>;
  list(options: { prefix: string; limit?: number; startAfter?: string; cursor?: string }): Promise<{
    readonly objects: readonly { readonly key: string; readonly etag: string }[];
    readonly truncated: boolean;
    readonly cursor?: string | undefined;
  }>;
}

/** By itself a body comes in pieces of 4 KiB, and each costs a turn: ten times the time of the bytes. */
const PIECE_BYTES = 131_072;
/** Longer than any read takes: a whole shard takes about a second. */
const TIMEOUT_MS = 20_000;

type Ask = <T>(key: string, request: () => Promise<T>) => Promise<T>;

/** Asks R2; a failure and a silence that lasts too long become UnavailableError `bucket-unavailable`. */
function askWithin(timeoutMs: number): Ask {
  return async (key, request) => {
    let stop = (): void => undefined;
    const timeout = new Promise<never>((_, reject) => {
      const late = (): void => reject(new Error(`no answer within ${timeoutMs} ms`));
      const timer = setTimeout(late, timeoutMs);
      stop = () => clearTimeout(timer);
    });
    try {
      return await Promise.race([request(), timeout]);
    } catch (cause) {
      throw new UnavailableError(
        "bucket-unavailable",
        `bucket object "${key}": cannot be read now`,
        { cause },
      );
    } finally {
      stop();
    }
  };
}

/** Passes an R2 binding's objects on. */
export function r2Files(r2: R2Binding, timeoutMs = TIMEOUT_MS): FileStore {
  const ask = askWithin(timeoutMs);
  return {
    async head(key) {
      const found = await ask(key, () => r2.head(key));
      return found && { bytes: found.size, etag: found.etag };
    },
    async open(key, range) {
      const found = await ask(key, () => r2.get(key, range === undefined ? {} : { range }));
      if (found === null || !("body" in found)) return null;
      const body = found.body as unknown as ReadableStream;
      return { bytes: found.size, etag: found.etag, body };
    },
  };
}

/** Reads an R2 binding. */
export function r2Bucket(r2: R2Binding, timeoutMs = TIMEOUT_MS): Bucket {
  const ask = askWithin(timeoutMs);

  async function open(
    key: string,
    maxBytes: number,
    knownEtag?: string,
  ): Promise<R2FoundBody | "unchanged" | null> {
    const object = await ask(key, () =>
      r2.get(key, knownEtag === undefined ? {} : { onlyIf: { etagDoesNotMatch: knownEtag } }),
    );
    if (object === null) return null;
    if (!("body" in object)) return "unchanged";
    if (object.size > maxBytes) {
      await object.body.cancel();
      throw new LimitError(
        "object-too-large",
        `bucket object "${key}": is ${object.size} bytes, allowed are ${maxBytes}`,
      );
    }
    return object;
  }

  async function* piecesOf(key: string, { body }: R2FoundBody): AsyncGenerator<Uint8Array> {
    const reader = body.getReader({ mode: "byob" });
    let room: Uint8Array = new Uint8Array(PIECE_BYTES);
    let isOver = false;
    try {
      while (!isOver) {
        const { done, value } = await ask(key, () => reader.readAtLeast(PIECE_BYTES, room));
        isOver = done;
        if (value === undefined) continue;
        if (value.byteLength > 0) yield value;
        // The same memory, which now belongs to this view.
        room = new Uint8Array(value.buffer);
      }
    } finally {
      // A reader that has failed cannot be cancelled any more.
      if (!isOver) await reader.cancel().catch(() => undefined);
    }
  }

  return {
    async get(key, maxBytes, knownEtag) {
      const object = await open(key, maxBytes, knownEtag);
      if (object === null || object === "unchanged") return object;
      const bytes = await ask(key, () => object.arrayBuffer());
      return { bytes: new Uint8Array(bytes), etag: object.etag };
    },
    async stream(key, maxBytes) {
      const object = await open(key, maxBytes);
      if (object === null || object === "unchanged") return null;
      return { pieces: piecesOf(key, object) };
    },
    async list(prefix, page = {}) {
      const listed = await listPages(page, (options) =>
        ask(prefix, () => r2.list({ prefix, ...options })),
      );
      return listed.map(({ key, etag }) => ({ key, etag }));
    },
  };
}
