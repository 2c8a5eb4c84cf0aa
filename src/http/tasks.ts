/** GET /v1/tasks and /v1/tasks/:task: what is served, from the manifests of the open tasks. */
import { EdgePrefixError } from "../core/errors.ts";
import { shortIdentity } from "../core/manifest.ts";
import type { BaseManifest } from "../core/manifest.ts";
import type { OpenedTask } from "../serve/task-store.ts";
import { mayUse } from "./auth.ts";
import { holdOf } from "./context.ts";
import type { AppDeps, AppHandler } from "./context.ts";
import type { TaskDescription } from "./schema.ts";

/** Every task in the bucket that the caller may use; one that cannot be opened is listed with its error. */
export function listTasks({ models, tasks }: AppDeps): AppHandler {
  return async (c) => {
    const { manifest: base } = await models.get(holdOf(c));
    const listed: unknown[] = [];
    // One after the other, so that opening many tasks never needs the memory of many.
    const names = (await tasks.list()).filter((name) => mayUse(c, name));
    for (const name of names) listed.push(await describeTask(name, base));
    return c.json({ tasks: listed });

    async function describeTask(name: string, base: BaseManifest): Promise<unknown> {
      try {
        return summaryOf(await tasks.get(name, base));
      } catch (error) {
        if (!(error instanceof EdgePrefixError)) throw error;
        return { task: name, error: { code: error.code, detail: error.message } };
      }
    }
  };
}

export function showTask({ models, tasks }: AppDeps): AppHandler {
  return async (c) => {
    const { manifest: base } = await models.get(holdOf(c));
    const opened = await tasks.get(c.req.param("task") ?? "", base, c.req.query("version"));
    return c.json(summaryOf(opened));
  };
}

function summaryOf({ task: { manifest, version }, isStale }: OpenedTask): TaskDescription {
  return {
    task: manifest.task,
    type: manifest.type,
    problem_type: manifest.problem_type,
    labels: [...manifest.labels],
    base: shortIdentity(manifest.base),
    version,
    num_virtual_tokens: manifest.num_virtual_tokens,
    pooling: manifest.pooling,
    max_length: manifest.max_length,
    metrics: manifest.metrics,
    created: manifest.created,
    ...(isStale ? { is_stale: true } : {}),
  };
}
