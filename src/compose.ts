/** A Worker's bindings and variables -> the parts that serve, ready to be given to `createApp`. */
import { readConfig } from "./http/settings/config.ts";
import type { Env } from "./http/settings/config.ts";
import type { AppDeps } from "./http/context/context.ts";
import type { Engine } from "./engine/engine.ts";
import { r2Bucket, r2Files } from "./serve/bucket/r2.ts";
import { createPublishedFiles } from "./serve/published-files.ts";
import { createServing } from "./serve/serving.ts";
import type { ServingConfig } from "./serve/serving.ts";
import { sha256, startSha256 } from "./serve/sha256.ts";

const clock = { now: () => Date.now(), wait: (ms: number) => scheduler.wait(ms) };
const host = { clock, sha256, startSha256 };

/** What does not depend on settings: it is there even where those are wrong. */
export const outside = {
  ...clock,
  requestId: (): string => crypto.randomUUID(),
  log: (record: Record<string, unknown>): void => console.log(JSON.stringify(record)),
};

/** Gives the engine of this isolate; `maxBytes` is how much memory it may take. */
export type OpenEngine = (maxBytes: number) => Engine;

/**
 * Reads and checks the settings and puts the parts together; nothing is loaded before the
 * first request. One call an isolate: each has its own base in memory, which is never given back.
 * Throws InputError `config-invalid` that lists everything that is wrong.
 *
 * `env` needs a bucket as BUCKET and the name of a base as BASE; docs/deploy.md has the rest.
 */
export function compose(
  env: Env,
  openEngine: OpenEngine,
  how: Pick<ServingConfig["scheduler"], "hasOneCaller"> = {},
): AppDeps {
  const config = readConfig(env);
  const engine = openEngine(config.admission.maxHeapBytes);
  const bucket = r2Bucket(env.BUCKET);
  const scheduler = { ...config.scheduler, ...how };
  const serving = createServing({ ...config, scheduler }, { ...host, engine, bucket });
  const store = r2Files(env.BUCKET);
  const { base, tasks } = config;
  const files = createPublishedFiles({
    ...host,
    ...tasks,
    base,
    bucket,
    store,
    trust: serving.trust,
  });
  const bindings = {
    rateLimit: env.RATE_LIMIT,
    analytics: env.ANALYTICS,
    page: env.PAGE,
    bulk: env.BULK,
  };
  return { config, ...serving, files, ...outside, ...bindings };
}
