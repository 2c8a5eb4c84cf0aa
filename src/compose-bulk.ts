/** Bindings and variables -> the parts that answer batches: the same that serve, a store and a queue. */
import { InputError } from "./core/errors.ts";
import { compose } from "./compose.ts";
import type { OpenEngine } from "./compose.ts";
import { createAnswers } from "./http/bulk/answers.ts";
import { createBulkApp } from "./http/bulk/bulk-app.ts";
import type { BulkDeps } from "./http/bulk/bulk-deps.ts";
import { createRequestAnswers } from "./http/bulk/requests.ts";
import type { Env } from "./http/settings/config.ts";
import { s3Uploads } from "./serve/bucket/s3-uploads.ts";
import type { S3Uploads } from "./serve/bucket/s3-uploads.ts";
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
  /** With the two secrets below, large files go past the Worker: the S3 host of the bucket, and its name. */
  readonly R2_ENDPOINT?: string;
  readonly R2_BUCKET?: string;
  readonly R2_ACCESS_KEY_ID?: string;
  readonly R2_SECRET_ACCESS_KEY?: string;
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

/** Uploads past the Worker, where all that they need is set. Throws InputError `config-invalid`. */
function uploadsOf(env: Partial<BulkEnv>): S3Uploads | null {
  const values = S3_SETTINGS.map((name) => env[name] || null);
  const [endpoint, bucket, accessKeyId, secretAccessKey] = values;
  if (values.every((value) => value === null)) return null;
  if (!endpoint || !bucket || !accessKeyId || !secretAccessKey || !URL.canParse(endpoint)) {
    throw new InputError(
      "config-invalid",
      `${S3_SETTINGS.join(", ")}: expected all four or none, and a URL as R2_ENDPOINT`,
    );
  }
  return s3Uploads({ endpoint, bucket, accessKeyId, secretAccessKey });
}

const S3_SETTINGS = [
  "R2_ENDPOINT",
  "R2_BUCKET",
  "R2_ACCESS_KEY_ID",
  "R2_SECRET_ACCESS_KEY",
] as const;

/** The same over parts that are there, for example those of a test. */
export function assembleBulk(
  serving: ReturnType<typeof compose>,
  env: Pick<BulkEnv, "BUCKET" | "QUEUE"> & Partial<BulkEnv>,
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
  const bulk: BulkDeps = { ...serving, store, jobs, uploads: uploadsOf(env) };
  return {
    app: createBulkApp(bulk),
    consumer(hold) {
      const versionOf = versionBy(hold);
      const pins = createPins(store, versionOf);
      const requests = createRequestAnswers({ deps: serving, pins, hold });
      const answer = createAnswers({ deps: serving, pins, requests, hold });
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
