/**
 * Estimates how long a run takes: some steps and answers are timed before the first real step, and
 * their results thrown away.
 *
 * The first ones are several times slower than the rest: the runtime sets up memory for every new
 * shape, and the JavaScript around it is not compiled yet. They are not timed. Of the others the
 * median counts, which a pause of the machine does not move.
 */
import type { Arrays } from "../graph/parameters.ts";
import { derive } from "../random.ts";
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
  /** Runs like this one that are made besides, as for cross-validation. */
  readonly retrained?: number;
  readonly now: () => number;
}

/** How often something is tried: untimed first, then timed, each until its number or its time is over. */
interface Trials {
  readonly warmUp: number;
  readonly warmUpMs: number;
  readonly timed: number;
  readonly timedMs: number;
  /** Timed ones however long they take. */
  readonly least: number;
}

// A large base takes seconds a step: then there is one untimed trial and the least of timed ones.
const STEP_TRIALS: Trials = { warmUp: 6, warmUpMs: 1_000, timed: 15, timedMs: 2_000, least: 3 };
const ANSWER_TRIALS: Trials = { warmUp: 2, warmUpMs: 500, timed: 5, timedMs: 1_000, least: 3 };
/** A run of few steps is not worth more than two of them. */
const SHORT_TRIALS: Trials = { warmUp: 1, warmUpMs: 0, timed: 1, timedMs: 0, least: 1 };
const SHORT_RUN = 25;
/** Evaluation rows of one trial. */
const ROWS_ANSWERED = 16;
/** The last evaluation runs on the runtime that serves, on one thread of WebAssembly. */
const SERVING_FACTOR = 5;

/** Null when the clock stands still, as in a test. */
export async function estimateTime(options: EstimateOptions): Promise<Estimate | null> {
  const { plan, params, epochsLeft, answer, evaluationRows, retrained = 0, now } = options;
  const { lengths, key } = plan;
  const batches = plan.batches.of(0);
  const trials = epochsLeft * batches.length > SHORT_RUN ? STEP_TRIALS : SHORT_TRIALS;
  const perToken = await medianTime(trials, now, async (i) => {
    const rows = batches[i % batches.length]!;
    await plan.step(rows, params, derive(key, "step", 0));
    return rows.reduce((sum, row) => sum + lengths[row]!, 0);
  });
  if (!(perToken > 0)) return null;
  const answered = Math.min(ROWS_ANSWERED, evaluationRows);
  const perAnswer =
    answered === 0
      ? 0
      : await medianTime(ANSWER_TRIALS, now, async () => {
          await answer(answered);
          return answered;
        });
  const all = batches.flat().reduce((sum, row) => sum + lengths[row]!, 0);
  const ms =
    (epochsLeft + retrained) * all * perToken +
    (epochsLeft + SERVING_FACTOR) * evaluationRows * perAnswer;
  return { seconds: ms / 1000, tokensPerSecond: 1000 / perToken };
}

/** Median time of a unit, in ms; `trial` returns how many units it did. */
async function medianTime(
  { warmUp, warmUpMs, timed, timedMs, least }: Trials,
  now: () => number,
  trial: (i: number) => Promise<number>,
): Promise<number> {
  let i = 0;
  const start = now();
  do await trial(i++);
  while (i < warmUp && now() - start < warmUpMs);
  const times: number[] = [];
  const timedFrom = now();
  while (times.length < least || (times.length < timed && now() - timedFrom < timedMs)) {
    const from = now();
    const units = await trial(i++);
    times.push((now() - from) / units);
  }
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}
