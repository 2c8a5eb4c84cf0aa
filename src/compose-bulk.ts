/** Bindings and variables -> the parts that answer batches: the same that serve, a store and a queue. */
import { createApp } from "./app.ts";
import { compose } from "./compose.ts";
import type { OpenEngine } from "./compose.ts";
import { createAnswers } from "./http/bulk/answers.ts";
import { createBulkApp } from "./http/bulk/bulk-app.ts";
import type { BulkDeps } from "./http/bulk/bulk-deps.ts";
import type { Env } from "./http/settings/config.ts";
import { r2Objects } from "./serve/bucket/r2-objects.ts";
import type { R2Objects } from "./serve/bucket/r2-objects.ts";
import { createConsumer } from "./serve/bulk/consumer.ts";
import type { Consumer, ConsumerDeps } from "./serve/bulk/consumer.ts";
import { createDroppedJob } from "./serve/bulk/create-job.ts";
import type { CreateDeps } from "./serve/bulk/create-job.ts";
import { queueSender } from "./serve/bulk/messages.ts";
import type { QueueBinding } from "./serve/bulk/messages.ts";
import { createPins } from "./serve/bulk/pins.ts";
import { resumeJobs } from "./serve/bulk/resume.ts";
import type { Hold } from "./serve/flight.ts";

/** Bindings of the Worker that answers batches. */
export interface BulkEnv extends Omit<Env, "BUCKET" | "BULK"> {
  readonly BUCKET: Env["BUCKET"] & R2Objects;
  /** The queue that it sends to and consumes. */
  readonly QUEUE: QueueBinding;
  /** Seconds without news after which the Worker's timer goes on with a batch; half an hour unless set. */
  readonly RESUME_AFTER_S?: number | string;
}

/** As many as one long row has, unless set: so a run of short rows needs no more memory than that row. */
const MAX_BATCH_TOKENS = 512;

export interface BulkParts {
  readonly app: ReturnType<typeof createBulkApp>;
  /** A consumer whose context `hold` keeps alive while a base loads. */
  consumer(hold: Hold): Consumer;
  /** Goes on with jobs of which nothing was heard for so many seconds. */
  resume(silentS: number): Promise<string[]>;
}

/** Puts the parts together; nothing is loaded before the first row. Throws what `compose` throws. */
export function composeBulk(env: BulkEnv, openEngine: OpenEngine): BulkParts {
  const settings = { MAX_BATCH_TOKENS, ...env };
  return assembleBulk(compose(settings, openEngine, { hasOneCaller: true }), env);
}

/** The same over parts that are there, for example those of a test. */
export function assembleBulk(
  serving: ReturnType<typeof compose>,
  env: Pick<BulkEnv, "BUCKET" | "QUEUE">,
  retryAfterS?: ConsumerDeps["retryAfterS"],
): BulkParts {
  const { models, tasks, log } = serving;
  const store = r2Objects(env.BUCKET);
  const sender = queueSender(env.QUEUE);
  const clock = { now: serving.now, wait: serving.wait };
  const versionBy =
    (hold: Hold): CreateDeps["versionOf"] =>
    async (task) =>
      (await tasks.describe(task, (await models.get(hold)).manifest, { hold })).version;
  const free: Hold = () => undefined;
  const jobs: CreateDeps = {
    store,
    sender,
    now: clock.now,
    random: () => crypto.randomUUID().replaceAll("-", ""),
    versionOf: versionBy(free),
  };
  // Rows were let in when their job was made; one request of them is no caller's.
  const config = { ...serving.config, keys: null };
  const quiet = { log: () => undefined, rateLimit: undefined, analytics: undefined };
  const inner = createApp({ ...serving, config, ...quiet, bulk: undefined });
  const bulk: BulkDeps = { ...serving, store, jobs };
  return {
    app: createBulkApp(bulk),
    consumer(hold) {
      const versionOf = versionBy(hold);
      const pins = createPins(store, versionOf);
      const ask = async (request: Request): Promise<Response> => inner.fetch(request);
      const answer = createAnswers({ deps: serving, pins, ask, hold });
      const takeDropped = (file: Parameters<typeof createDroppedJob>[1]): Promise<void> =>
        createDroppedJob({ ...jobs, versionOf }, file);
      return createConsumer({ store, sender, answer, clock, takeDropped, log, retryAfterS });
    },
    resume: (silentS) => {
      const now = (): number => Math.floor(clock.now() / 1000);
      return resumeJobs({ store, sender, now }, silentS);
    },
  };
}
