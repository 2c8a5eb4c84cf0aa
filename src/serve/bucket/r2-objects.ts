/** The store of bulk jobs over Cloudflare R2. */
import { UnavailableError } from "../../core/errors.ts";
import type { Facts, KeptObject, ObjectStore } from "./object-store.ts";
import { MAX_KEYS, listPages } from "./r2-list.ts";

interface R2Described {
  readonly key: string;
  readonly size: number;
  readonly customMetadata?: Record<string, string> | undefined;
  readonly uploaded: Date;
}

interface R2Readable extends R2Described {
  readonly body: unknown;
  arrayBuffer(): Promise<ArrayBuffer>;
}

interface R2Part {
  readonly partNumber: number;
  readonly etag: string;
}

interface R2Upload {
  uploadPart(partNumber: number, bytes: Uint8Array): Promise<R2Part>;
  complete(parts: R2Part[]): Promise<unknown>;
  abort(): Promise<void>;
}

/** The R2 binding as far as bulk jobs use it. */
export interface R2Objects {
  head(key: string): Promise<R2Described | null>;
  get(
    key: string,
    options?: { range?: { offset: number; length: number } },
  ): Promise<R2Readable | null>;
  put(
    key: string,
    value: Uint8Array,
    options: { onlyIf: { etagDoesNotMatch: string }; customMetadata: Record<string, string> },
  ): Promise<unknown>;
  list(options: {
    prefix: string;
    limit: number;
    include: "customMetadata"[];
    startAfter?: string;
    cursor?: string;
  }): Promise<{
    readonly objects: readonly R2Described[];
    readonly truncated: boolean;
    readonly cursor?: string | undefined;
  }>;
  delete(keys: string[]): Promise<void>;
  createMultipartUpload(key: string): Promise<R2Upload>;
}

export function r2Objects(r2: R2Objects): ObjectStore {
  return {
    async head(key) {
      const found = await ask(key, () => r2.head(key));
      return found && toKept(found);
    },
    async read(key, range) {
      const found = await ask(key, () => r2.get(key, range === undefined ? {} : { range }));
      return found && new Uint8Array(await ask(key, () => found.arrayBuffer()));
    },
    async open(key) {
      const found = await ask(key, () => r2.get(key));
      return found && { bytes: found.size, body: found.body as ReadableStream };
    },
    async create(key, bytes, facts: Facts = {}) {
      const onlyIf = { etagDoesNotMatch: "*" };
      const written = await ask(key, () => r2.put(key, bytes, { onlyIf, customMetadata: facts }));
      return written !== null;
    },
    async write(key) {
      const upload = await ask(key, () => r2.createMultipartUpload(key));
      const parts: R2Part[] = [];
      return {
        async append(bytes) {
          parts.push(await ask(key, () => upload.uploadPart(parts.length + 1, bytes)));
        },
        async complete() {
          await ask(key, () => upload.complete(parts));
        },
        abort: () => ask(key, () => upload.abort()),
      };
    },
    async list(prefix, page = {}) {
      const include = ["customMetadata" as const];
      const listed = await listPages(page, (options) =>
        ask(prefix, () => r2.list({ prefix, include, ...options })),
      );
      return listed.map(toKept);
    },
    async delete(keys) {
      for (let i = 0; i < keys.length; i += MAX_KEYS) {
        await ask(keys[i]!, () => r2.delete(keys.slice(i, i + MAX_KEYS)));
      }
    },
  };
}

const toKept = ({ key, size, customMetadata = {}, uploaded }: R2Described): KeptObject => ({
  key,
  bytes: size,
  facts: customMetadata,
  at: uploaded.getTime(),
});

async function ask<T>(key: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (cause) {
    throw new UnavailableError(
      "bucket-unavailable",
      `bucket object "${key}": cannot be asked for now`,
      { cause },
    );
  }
}
