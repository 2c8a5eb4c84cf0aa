/** What happened from step to step, kept for the report: every loss, and the time it all took. */
import type { StepReport } from "../../src/learn/loop/trainer.ts";

export interface Course {
  /** Counted from 1; later in a run that was resumed. */
  readonly firstStep: number;
  readonly losses: readonly number[];
  readonly ms: number;
}

/** Listens to steps; `read` says what was heard so far. */
export function recordCourse(now: () => number): {
  readonly onStep: (report: Pick<StepReport, "step" | "loss">) => void;
  readonly read: () => Course;
} {
  const losses: number[] = [];
  let firstStep = 1;
  const startedAt = now();
  let endedAt = startedAt;
  return {
    onStep({ step, loss }) {
      if (losses.length === 0) firstStep = step;
      losses.push(loss);
      endedAt = now();
    },
    read: () => ({ firstStep, losses, ms: endedAt - startedAt }),
  };
}
