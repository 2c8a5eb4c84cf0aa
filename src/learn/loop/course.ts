/** How a run went, step by step, for its report. */
import type { StepReport } from "./trainer.ts";

/** The losses of a run's steps, and its time. */
export interface Course {
  /** Counted from 1; later in a run that was resumed. */
  readonly firstStep: number;
  readonly losses: readonly number[];
  readonly ms: number;
}

/** Listens to the steps of a run; `read` says what was heard so far. */
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
