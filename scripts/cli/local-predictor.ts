/** The Worker's request path over a task folder: no queue limits, no deadlines, no bucket. */
import { setTimeout as wait } from "node:timers/promises";
import { createPredictor } from "../../src/serve/predictor.ts";
import type { Predictor } from "../../src/serve/predictor.ts";
import { createScheduler } from "../../src/serve/queue/scheduler.ts";
import { openTaskWithBase } from "./task-base.ts";

/** A task with its base, and what answers by them. */
export interface LocalPredictor extends Awaited<ReturnType<typeof openTaskWithBase>> {
  readonly predictor: Predictor;
}

/** Opens both; throws what `openTaskWithBase` throws. Release the base's encoder at the end. */
export async function openLocalPredictor(
  ...args: Parameters<typeof openTaskWithBase>
): Promise<LocalPredictor> {
  const opened = await openTaskWithBase(...args);
  const clock = { now: () => Date.now(), wait: (ms: number) => wait(ms) };
  const never = (): never => {
    throw new TypeError("a command opens its task itself");
  };
  const predictor = createPredictor({
    models: { get: never, ready: null },
    tasks: { get: never, readAhead: never },
    scheduler: createScheduler({
      clock,
      maxBatchTokens: 512,
      maxQueuedTokens: Infinity,
      hasOneCaller: true,
    }),
    clock,
    deadlineMs: Infinity,
    maxWindows: Infinity,
  });
  return { ...opened, predictor };
}
