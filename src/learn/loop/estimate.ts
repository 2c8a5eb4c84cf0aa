/**
 * Estimates how long a run takes: a few steps and answers are timed before the first real step, and
 * their results thrown away.
 */
import type { Arrays } from "../graph/parameters.ts";
import { derive } from "../random.ts";
import { epochBatches } from "./sampler.ts";
import type { Plan } from "./trainer.ts";

export interface Estimate {
  /** Until the task is written, when every epoch is made. */
  readonly seconds: number;
  /** Of training. */
  readonly tokensPerSecond: number;
}

export interface EstimateOptions {
  readonly plan: Plan;
  readonly params: Arrays;
  /** Epochs that are still to be made; a part of one counts. */
  readonly epochsLeft: number;
  /** Answers the first `rows` evaluation rows, as between epochs. */
  readonly answer: (rows: number) => Promise<unknown>;
  readonly evaluationRows: number;
  readonly now: () => number;
}

/** The first step also sets up the runtime's memory. */
const WARM_UP_STEPS = 1;
const TIMED_STEPS = 3;
const TIMED_ANSWERS = 64;
/** The last evaluation runs on the runtime that serves, on one thread of WebAssembly. */
const SERVING_FACTOR = 5;

/** Null when the clock stands still, as in a test. */
export async function estimateTime(options: EstimateOptions): Promise<Estimate | null> {
  const { plan, params, epochsLeft, answer, evaluationRows, now } = options;
  const { lengths, key, hyperparameters } = plan;
  const batches = epochBatches(lengths, hyperparameters.batch_size, derive(key, "epoch", 0));
  const tokensOf = (rows: readonly number[]): number =>
    rows.reduce((sum, row) => sum + lengths[row]!, 0);
  let tokens = 0;
  let start = now();
  for (const [i, rows] of batches.slice(0, WARM_UP_STEPS + TIMED_STEPS).entries()) {
    await plan.step(rows, params, derive(key, "step", 0));
    if (i < WARM_UP_STEPS && batches.length > WARM_UP_STEPS) start = now();
    else tokens += tokensOf(rows);
  }
  const perToken = (now() - start) / tokens;
  const timed = Math.min(TIMED_ANSWERS, evaluationRows);
  const answering = now();
  await answer(timed);
  const perAnswer = (now() - answering) / Math.max(1, timed);
  if (!(perToken > 0)) return null;
  const all = lengths.reduce((sum, length) => sum + length, 0);
  const ms =
    epochsLeft * all * perToken + (epochsLeft + SERVING_FACTOR) * evaluationRows * perAnswer;
  return { seconds: ms / 1000, tokensPerSecond: 1000 / perToken };
}
