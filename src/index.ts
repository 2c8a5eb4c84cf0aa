/** Worker entry: env -> config -> stores -> predictor -> app, once per isolate. */
import { createApp } from "./app.ts";
import { readConfig } from "./config.ts";
import type { Env } from "./config.ts";
import { createWorkerdSession } from "./runtime/workerd.ts";
import { createAdmission } from "./serve/admission.ts";
import { r2Bucket } from "./serve/bucket.ts";
import { createModelStore } from "./serve/model-store.ts";
import { createPredictor } from "./serve/predictor.ts";
import { createScheduler } from "./serve/scheduler.ts";
import { sha256 } from "./serve/sha256.ts";
import { createTaskStore } from "./serve/task-store.ts";

const clock = { now: () => Date.now(), wait: (ms: number) => scheduler.wait(ms) };
const requestId = () => crypto.randomUUID();
const log = (record: Record<string, unknown>) => console.log(JSON.stringify(record));

function compose(env: Env): ReturnType<typeof createApp> {
  const config = readConfig(env);
  const host = { bucket: r2Bucket(env.BUCKET), clock, sha256, createSession: createWorkerdSession };
  const models = createModelStore({ ...host, base: config.base });
  const tasks = createTaskStore({ ...host, ...config.tasks });
  const heapBytes = () => (models.ready?.session.heapBytes() ?? 0) + tasks.cached.bytes;
  const admission = createAdmission({ ...config.admission, heapBytes });
  const queue = createScheduler({ clock, ...config.scheduler, admission });
  const predictor = createPredictor({
    models,
    tasks,
    scheduler: queue,
    clock,
    ...config.predictor,
  });
  const rateLimit = env.RATE_LIMIT;
  return createApp({ config, models, tasks, predictor, rateLimit, ...clock, requestId, log });
}

let app: ReturnType<typeof createApp> | undefined;

export default {
  fetch: (request, env, ctx) => (app ??= compose(env)).fetch(request, env, ctx),
} satisfies ExportedHandler<Env>;
