/** Worker entry: puts the parts together once per isolate. env -> config -> stores -> predictor -> app. */
import { createApp } from "./app.ts";
import { readConfig } from "./config.ts";
import type { Env } from "./config.ts";
import type { Sha256 } from "./core/manifest.ts";
import { toHex } from "./core/text.ts";
import { createWorkerdSession } from "./runtime/workerd.ts";
import { r2Bucket } from "./serve/bucket.ts";
import { createModelStore } from "./serve/model-store.ts";
import { createPredictor } from "./serve/predictor.ts";
import { createScheduler } from "./serve/scheduler.ts";
import { createTaskStore } from "./serve/task-store.ts";

const clock = { now: () => Date.now(), wait: (ms: number) => scheduler.wait(ms) };

const sha256: Sha256 = async (bytes) =>
  toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));

function compose(env: Env): ReturnType<typeof createApp> {
  const config = readConfig(env);
  const bucket = r2Bucket(env.BUCKET);
  const models = createModelStore({
    base: config.base,
    bucket,
    clock,
    sha256,
    createSession: createWorkerdSession,
  });
  const tasks = createTaskStore({ bucket, clock, sha256, ...config.tasks });
  const queue = createScheduler({ clock, ...config.scheduler });
  const predictor = createPredictor({
    models,
    tasks,
    scheduler: queue,
    clock,
    ...config.predictor,
  });
  const log = (record: Record<string, unknown>) => console.log(JSON.stringify(record));
  return createApp({
    config,
    models,
    tasks,
    predictor,
    ...clock,
    requestId: () => crypto.randomUUID(),
    log,
  });
}

let app: ReturnType<typeof createApp> | undefined;

export default {
  fetch: (request, env, ctx) => (app ??= compose(env)).fetch(request, env, ctx),
} satisfies ExportedHandler<Env>;
