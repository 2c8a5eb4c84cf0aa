/** Worker entry: env -> config -> stores -> predictor -> app, once per isolate. */
import { createApp, createBrokenApp } from "./app.ts";
import { readConfig } from "./config.ts";
import type { Env } from "./config.ts";
import { createWorkerdSession } from "./runtime/workerd.ts";
import { r2Bucket } from "./serve/bucket.ts";
import { createServing } from "./serve/serving.ts";
import { sha256 } from "./serve/sha256.ts";

const clock = { now: () => Date.now(), wait: (ms: number) => scheduler.wait(ms) };
const host = { clock, sha256, createSession: createWorkerdSession };
const requestId = () => crypto.randomUUID();
const log = (record: Record<string, unknown>) => console.log(JSON.stringify(record));

function compose(env: Env): ReturnType<typeof createApp> {
  const outside = { ...clock, requestId, log, rateLimit: env.RATE_LIMIT, analytics: env.ANALYTICS };
  try {
    const config = readConfig(env);
    const serving = createServing(config, { ...host, bucket: r2Bucket(env.BUCKET) });
    return createApp({ config, ...serving, ...outside });
  } catch (error) {
    return createBrokenApp(error, outside);
  }
}

let app: ReturnType<typeof createApp> | undefined;

export default {
  fetch: (request, env, ctx) => (app ??= compose(env)).fetch(request, env, ctx),
} satisfies ExportedHandler<Env>;
