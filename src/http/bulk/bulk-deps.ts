/** What the routes of files and batches need, and who may see whose. */
import { InputError } from "../../core/errors.ts";
import type { ObjectStore } from "../../serve/bucket/object-store.ts";
import type { S3Uploads } from "../../serve/bucket/s3-uploads.ts";
import type { CreateDeps } from "../../serve/bulk/create-job.ts";
import type { AppContext, AppDeps } from "../context/context.ts";

export interface BulkDeps extends AppDeps {
  readonly store: ObjectStore;
  /** Uploads past the Worker; null where it has no credentials of S3. */
  readonly uploads: S3Uploads | null;
  /** Makes jobs; `now` is in milliseconds. */
  readonly jobs: CreateDeps;
}

export const nowS = ({ jobs }: BulkDeps): number => Math.floor(jobs.now() / 1000);

/** The key's name, whose files and batches are its own; null where keys are off. */
export const ownerOf = (c: AppContext): string | null => c.var.key?.name ?? null;

/** A key that is bound to tasks sees what is its own, any other key sees all. */
export const maySee = (c: AppContext, owner: string | null | undefined): boolean =>
  (c.var.key?.tasks ?? null) === null || owner === c.var.key?.name;

/** A page of a list in OpenAI's interface. */
export interface Page {
  readonly limit: number;
  readonly after: string | undefined;
}

const MAX_PAGE = 100;

/** `?limit=` and `?after=`. Throws InputError `parameter-invalid`. */
export function pageOf(c: AppContext): Page {
  const { limit = "20", after } = c.req.query();
  const count = /^\d{1,5}$/.test(limit) ? Number(limit) : 0;
  if (count < 1) {
    throw new InputError(
      "parameter-invalid",
      `limit: is "${limit.slice(0, 40)}", expected 1 to 100`,
    );
  }
  return { limit: Math.min(count, MAX_PAGE), after };
}

/** Reads the objects below a prefix that the caller may see, newest first, and whether there are more. */
export async function listOwn(
  c: AppContext,
  { store }: BulkDeps,
  prefix: string,
  { limit, after }: Page,
): Promise<{ ids: string[]; hasMore: boolean }> {
  const ids: string[] = [];
  let last = after === undefined ? undefined : `${prefix}${after}.json`;
  while (true) {
    const listed = await store.list(prefix, { after: last, limit: 2 * MAX_PAGE });
    for (const { key, facts } of listed) {
      if (!maySee(c, facts["owner"])) continue;
      if (ids.length === limit) return { ids, hasMore: true };
      ids.push(key.slice(prefix.length, -".json".length));
    }
    if (listed.length < 2 * MAX_PAGE) return { ids, hasMore: false };
    last = listed.at(-1)?.key;
  }
}
