/** The parts that answer, put together: stores, admission, queue, predictor. No HTTP. */
import type { StartSha256 } from "../core/format/checked-stream.ts";
import type { Sha256 } from "../core/format/manifest.ts";
import type { Engine } from "../engine/engine.ts";
import { createAdmission } from "./queue/admission.ts";
import type { Admission, AdmissionOptions } from "./queue/admission.ts";
import { createArrivals } from "./queue/arrivals.ts";
import type { Arrivals } from "./queue/arrivals.ts";
import type { Bucket } from "./bucket/bucket.ts";
import type { Clock } from "../core/clock.ts";
import { createModelStore } from "./model-store.ts";
import type { ModelStore } from "./model-store.ts";
import { createPredictor } from "./predictor.ts";
import type { Predictor, PredictorOptions } from "./predictor.ts";
import { createScheduler } from "./queue/scheduler.ts";
import type { Scheduler, SchedulerOptions } from "./queue/scheduler.ts";
import { createTrust } from "./trust.ts";
import type { Trust, TrustSettings } from "./trust.ts";
import { createTaskStore } from "./task-store.ts";
import type { TaskStore, TaskStoreOptions } from "./task-store.ts";

/** What the parts need to know of a deployment. */
export interface ServingConfig {
  /** Name of the one base that is served. */
  readonly base: string;
  readonly predictor: Pick<PredictorOptions, "deadlineMs" | "maxWindows">;
  readonly scheduler: Pick<SchedulerOptions, "maxBatchTokens" | "maxQueuedTokens" | "hasOneCaller">;
  readonly admission: Omit<AdmissionOptions, "deadlineMs" | "heapBytes">;
  readonly tasks: Pick<TaskStoreOptions, "cacheBytes" | "freshMs" | "maxLagMs" | "maxStaleMs">;
  /** Keys whose signatures are believed; null or absent: nothing needs a signature. */
  readonly trust?: TrustSettings | null;
}

/** What the parts need of the world around them. */
export interface Host {
  readonly bucket: Bucket;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly startSha256: StartSha256;
  readonly engine: Engine;
}

export interface Serving {
  readonly models: ModelStore;
  readonly tasks: TaskStore;
  readonly admission: Admission;
  readonly scheduler: Scheduler;
  readonly predictor: Predictor;
  readonly arrivals: Arrivals;
  /** Absent where nothing needs a signature. */
  readonly trust?: Trust | undefined;
}

/** Puts the parts together. Nothing is loaded before the first request. A store of the base can be passed in, for example by a test. */
export function createServing(config: ServingConfig, host: Host, given?: ModelStore): Serving {
  const { clock } = host;
  const trust = config.trust ? createTrust({ ...host, ...config.trust }) : undefined;
  const models = given ?? createModelStore({ ...host, base: config.base, trust });
  const tasks = createTaskStore({ ...host, ...config.tasks, trust });
  const heapBytes = (): number => (models.ready?.encoder.memoryBytes() ?? 0) + tasks.cached.bytes;
  const { deadlineMs } = config.predictor;
  const admission = createAdmission({ ...config.admission, deadlineMs, heapBytes });
  const scheduler = createScheduler({ clock, ...config.scheduler, admission });
  const predictor = createPredictor({ models, tasks, scheduler, clock, ...config.predictor });
  const arrivals = createArrivals({ clock, scheduler, admission, deadlineMs });
  return { models, tasks, admission, scheduler, predictor, arrivals, trust };
}
