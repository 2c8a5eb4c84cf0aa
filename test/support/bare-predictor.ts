/** A predictor for tests that open bases and tasks themselves. */
import type { Clock } from "../../src/core/clock.ts";
import { createPredictor } from "../../src/serve/predictor.ts";
import type { Predictor } from "../../src/serve/predictor.ts";
import type { Scheduler } from "../../src/serve/queue/scheduler.ts";

interface BareOptions {
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly maxWindows: number;
}

/** No deadline that a test could meet; `open` rejects. */
export function barePredictor({ scheduler, clock, maxWindows }: BareOptions): Predictor {
  const never = () => Promise.reject(new Error("opened by the test"));
  return createPredictor({
    models: { get: never, ready: null },
    tasks: { get: never, readAhead: never },
    scheduler,
    clock,
    deadlineMs: 600_000,
    maxWindows,
  });
}
