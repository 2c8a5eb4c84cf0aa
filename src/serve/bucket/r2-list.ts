/** R2 lists keys in pages; this reads as many pages as are asked for. */

import type { ListPage } from "./bucket.ts";

/** Keys on a page of R2, at most. */
export const MAX_KEYS = 1_000;

/** What R2 is asked for one page. */
interface PageOptions {
  readonly limit: number;
  readonly startAfter?: string;
  readonly cursor?: string;
}

/** A page as R2 answers it. */
interface FoundPage<T> {
  readonly objects: readonly T[];
  readonly truncated: boolean;
  readonly cursor?: string | undefined;
}

/** All objects of the pages that `pageOf` gives, in order. */
export async function listPages<T>(
  { after, limit = Infinity }: ListPage,
  pageOf: (options: PageOptions) => Promise<FoundPage<T>>,
): Promise<T[]> {
  const listed: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await pageOf({
      limit: Math.min(MAX_KEYS, limit - listed.length),
      ...(after === undefined ? {} : { startAfter: after }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    listed.push(...page.objects);
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined && listed.length < limit);
  return listed;
}
