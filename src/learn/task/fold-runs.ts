/**
 * Cross-validation of a whole run: for each fold the training is made anew on the other rows, from the same
 * start and with the same settings, and answers the rows that were held out.
 */
import type { LoadedBase } from "../../engine/engine.ts";
import type { Fold } from "../data/folds.ts";
import type { Arrays } from "../graph/parameters.ts";
import { batchPlanOf } from "../loop/batch-plan.ts";
import { startState, train } from "../loop/trainer.ts";
import type { Plan } from "../loop/trainer.ts";
import { crossValidate, crossValidated } from "../measure/cross-validation.ts";
import type { CrossValidated } from "../measure/cross-validation.ts";
import { derive } from "../random.ts";
import type { PreparedTask } from "./prepare.ts";
import type { RowsRun, TrainingRun } from "./training-run.ts";
import type { StopSignal } from "../../core/signal.ts";

export interface FoldRunOptions {
  readonly run: TrainingRun;
  readonly prepared: PreparedTask;
  /** That of the whole run. */
  readonly plan: Plan;
  /** What the whole run starts from, and so does each of these. */
  readonly start: Arrays;
  /** Called with the parameters before a base answers under them. */
  readonly use: (params: Arrays) => void;
  /** Called before a fold's training, the first of `of` being 1. */
  readonly onFold?: ((fold: number, of: number) => void) | undefined;
  readonly signal: StopSignal;
  readonly now: () => number;
}

/** Answers to all rows that are held out, by `base`. */
export async function answersOfFolds(
  folds: readonly Fold[],
  base: LoadedBase,
  options: FoldRunOptions,
): Promise<CrossValidated> {
  const { run, prepared, signal } = options;
  const held = await crossValidate(folds, async (rows, fold) => {
    options.onFold?.(fold + 1, folds.length);
    const own = run.on(rows);
    const params = await trainOn(own, fold, options);
    options.use(params);
    const withHead = await own.withHead(params, base, signal);
    const whole = await own.withPrototypes(withHead, base, signal);
    return (others) => {
      const examples = others.map((row) => prepared.train[row]!);
      return own.answer(whole, base, examples, signal);
    };
  });
  return crossValidated(prepared.train, folds, held, { isWhole: true });
}

async function trainOn(
  own: RowsRun,
  fold: number,
  { plan, prepared, start, signal, now }: FoldRunOptions,
): Promise<Arrays> {
  const { objective, hyperparameters } = prepared;
  const key = derive(plan.key, "fold", fold);
  const { state, isDone } = await train(
    startState(start),
    {
      ...plan,
      key,
      lengths: own.lengths,
      batches: batchPlanOf(objective, hyperparameters, own, key),
      step: own.step,
      // The last parameters count: the rows to choose by are those that are measured.
      evaluate: () => Promise.resolve(0),
    },
    { signal, now, save: () => Promise.resolve() },
  );
  if (!isDone) signal.throwIfAborted();
  return state.params;
}
