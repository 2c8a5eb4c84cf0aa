/**
 * Where artifacts come from: a read-only view of an object store, small enough to implement over
 * R2, HTTP or a Map. Every read has a size limit, so that a wrong object cannot fill the isolate.
 */
import type { R2Bucket } from "@cloudflare/workers-types";
import { LimitError, UnavailableError } from "../core/errors.ts";

export interface StoredObject {
  readonly bytes: Uint8Array;
  readonly etag: string;
}

export interface ListedObject {
  readonly key: string;
  readonly etag: string;
}

export interface ListPage {
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

export interface Bucket {
  /**
   * The object at `key`, null when there is none, "unchanged" when its etag still is `knownEtag`.
   * Throws UnavailableError `bucket-unavailable` when the store cannot be asked, LimitError
   * `object-too-large` above `maxBytes`.
   */
  get(
    key: string,
    maxBytes: number,
    knownEtag?: string,
  ): Promise<StoredObject | "unchanged" | null>;
  /** Objects whose keys start with `prefix`, by key: all, or at most `limit` that come after a key. */
  list(prefix: string, page?: ListPage): Promise<ListedObject[]>;
}

/** R2 lists at most this many keys at once. */
const MAX_LIST = 1_000;
/** A store that has not answered by now is as good as gone: a read of a whole shard takes about a second. */
const TIMEOUT_MS = 20_000;

/** Reads an R2 binding. */
export function r2Bucket(r2: R2Bucket, timeoutMs = TIMEOUT_MS): Bucket {
  async function ask<T>(key: string, request: () => Promise<T>): Promise<T> {
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
  }

  return {
    async get(key, maxBytes, knownEtag) {
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
      const bytes = await ask(key, () => object.arrayBuffer());
      return { bytes: new Uint8Array(bytes), etag: object.etag };
    },
    async list(prefix, { after, limit = Infinity } = {}) {
      const listed: ListedObject[] = [];
      let cursor: string | undefined;
      do {
        const page = await ask(prefix, () =>
          r2.list({
            prefix,
            limit: Math.min(MAX_LIST, limit - listed.length),
            ...(after === undefined ? {} : { startAfter: after }),
            ...(cursor === undefined ? {} : { cursor }),
          }),
        );
        listed.push(...page.objects.map(({ key, etag }) => ({ key, etag })));
        cursor = page.truncated ? page.cursor : undefined;
      } while (cursor !== undefined && listed.length < limit);
      return listed;
    },
  };
}
