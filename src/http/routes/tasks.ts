/** GET /v1/tasks and /v1/tasks/:task: what is served, from pointers and manifests alone. */
import { mapLimited } from "../../core/concurrency.ts";
import { EdgePrefixError, InputError } from "../../core/errors.ts";
import { isName } from "../../core/format/keys.ts";
import { shortIdentity } from "../../core/format/manifest.ts";
import type { DescribedTask } from "../../serve/task-store.ts";
import { setStale } from "../answers/answering.ts";
import { holdOf } from "../context/context.ts";
import type { AppContext, AppDeps, AppHandler } from "../context/context.ts";
import type { TaskDescription, TaskDetails } from "../schemas/schema.ts";

/** Tasks of a page: each costs two reads, and one request may make a thousand. */
export const LIST_LIMIT = { default: 100, max: 200 } as const;
/** Connections that a Worker may have open at once. */
export const READS_AT_ONCE = 6;

/**
 * The tasks in the bucket that the caller may use, by name, page by page; one that cannot be served
 * is listed with its error. `cursor` is there when more may follow.
 */
export function listTasks({ models, tasks }: AppDeps): AppHandler {
  return async (c) => {
    const { limit, after } = readPage(c);
    const hold = holdOf(c);
    const { manifest: base } = await models.get(hold);
    // A key that is bound to tasks does not learn which others there are, not even by a cursor.
    const own = c.var.key?.tasks?.filter((name) => after === undefined || name > after).sort();
    const names = own ? own.slice(0, limit) : await tasks.list({ after, limit });
    const listed = await mapLimited(names, READS_AT_ONCE, async (name): Promise<unknown[]> => {
      try {
        return [summaryOf(await tasks.describe(name, base, { hold }))];
      } catch (error) {
        if (!(error instanceof EdgePrefixError)) throw error;
        if (error.code === "task-not-found") return [];
        return [{ task: name, error: { code: error.code, detail: error.message } }];
      }
    });
    const last = names.at(-1);
    const more = names.length === limit && last !== undefined ? { cursor: last } : {};
    return c.json({ tasks: listed.flat(), ...more });
  };
}

export function showTask({ models, tasks }: AppDeps): AppHandler {
  return async (c) => {
    const hold = holdOf(c);
    const { manifest: base } = await models.get(hold);
    const version = c.req.query("version");
    const found = await tasks.describe(c.req.param("task") ?? "", base, { version, hold });
    c.header("x-task-version", found.version);
    setStale(c, found);
    return c.json(detailsOf(found));
  };
}

/**
 * `?limit=` and `?cursor=`, which other interfaces call otherwise; throws InputError
 * `parameter-invalid`.
 */
export function readPage(
  c: AppContext,
  {
    usual = LIST_LIMIT.default,
    cursorName = "cursor",
  }: { usual?: number; cursorName?: string } = {},
): { limit: number; after: string | undefined } {
  const { limit = String(usual), [cursorName]: cursor } = c.req.query();
  const count = /^\d{1,4}$/.test(limit) ? Number(limit) : 0;
  if (count < 1 || count > LIST_LIMIT.max) {
    throw new InputError(
      "parameter-invalid",
      `limit: is ${JSON.stringify(limit.slice(0, 40))}, expected a whole number from 1 to ${LIST_LIMIT.max}`,
    );
  }
  if (cursor !== undefined && !isName(cursor)) {
    throw new InputError(
      "parameter-invalid",
      `${cursorName}: is ${JSON.stringify(cursor.slice(0, 40))}, expected one that a list has given`,
    );
  }
  return { limit: count, after: cursor };
}

/** The recorded examples are what a person tries first, the thresholds what a score is held against. */
function detailsOf(found: DescribedTask): TaskDetails {
  const { thresholds, examples } = found.manifest;
  return {
    ...summaryOf(found),
    thresholds: thresholds && [...thresholds],
    examples: examples.map((example) => ({ ...example })),
  };
}

function summaryOf({
  manifest,
  version,
  canary,
  isStale,
  staleCode,
}: DescribedTask): TaskDescription {
  return {
    task: manifest.task,
    ...(manifest.description === undefined ? {} : { description: manifest.description }),
    type: manifest.type,
    problem_type: manifest.problem_type,
    labels: [...manifest.labels],
    ...(manifest.other ? { other: manifest.other.label } : {}),
    base: shortIdentity(manifest.base),
    version,
    ...(canary ? { canary: { ...canary } } : {}),
    num_virtual_tokens: manifest.num_virtual_tokens,
    pooling: manifest.pooling,
    max_length: manifest.max_length,
    metrics: manifest.metrics,
    created: manifest.created,
    ...(isStale ? { is_stale: true, ...(staleCode ? { stale_code: staleCode } : {}) } : {}),
  };
}
