/**
 * THE LOOP: next batch -> run -> clip -> adamw -> log -> eval -> keep best.
 *
 * With `average` it makes several runs from the same start, and the mean of their best parameters is the
 * result (average.ts).
 *
 * It is a function from a RunState to a RunState. Batches and dropout follow from seed, epoch and step,
 * so a run that was saved and resumed equals one that was not interrupted, bit for bit. Clock, disk and
 * runtime are parameters.
 */
import type { StopSignal } from "../../core/signal.ts";
import { FormatError } from "../../core/errors.ts";
import { adamw, applyUpdates, clipByGlobalNorm, warmupLinearDecay } from "./optim.ts";
import type { ParameterGroup } from "./optim.ts";
import type { Arrays } from "../graph/parameters.ts";
import { derive } from "../random.ts";
import type { Key } from "../random.ts";
import type { EpochRecord, RunState } from "./run-state.ts";
import { withRun } from "./average.ts";
import type { Average } from "./average.ts";
import type { Hyperparameters } from "../methods.ts";

/** The result of one batch: its mean loss and the gradient of every trained tensor. */
export interface StepResult {
  readonly loss: number;
  readonly grads: Arrays;
}

/** A run, apart from its state. */
export interface Plan {
  readonly hyperparameters: Hyperparameters;
  readonly key: Key;
  /** Absent: one run, whose best parameters are the result. */
  readonly average?: Average;
  /** Tensors that learn at a rate of their own. */
  readonly groups?: Readonly<Record<string, ParameterGroup>>;
  /** Tokens of every training row. */
  readonly lengths: readonly number[];
  /** Which rows form which batch (batch-plan.ts). */
  readonly batches: BatchPlan;
  /** Forward and backward over the rows of one batch; `key` is the step's own randomness. */
  readonly step: (rows: readonly number[], params: Arrays, key: Key) => Promise<StepResult>;
  /** The score of these parameters on the evaluation rows, higher is better, and other measures to keep. */
  readonly evaluate: (params: Arrays) => Promise<number | Evaluation>;
}

export type Evaluation = Pick<EpochRecord, "score" | "measures">;

/** The batches of every epoch: equally many in each, the same whenever they are asked for. */
export interface BatchPlan {
  readonly perEpoch: number;
  /** `epoch` counts from 0. */
  readonly of: (epoch: number) => readonly (readonly number[])[];
}

/** The outside world of a run. */
export interface Hooks {
  readonly signal: StopSignal;
  readonly now: () => number;
  readonly save: (state: RunState) => Promise<void>;
  /** A crash costs at most this much work; default: two minutes, and less in the beginning. */
  readonly saveEveryMs?: number | undefined;
  readonly onStep?: (report: StepReport) => void;
  readonly onEpoch?: (state: RunState) => void;
}

export interface StepReport {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number;
  /** Norm of all gradients before clipping. */
  readonly norm: number;
  readonly tokens: number;
}

const SAVE_EVERY_MS = 120_000;
const FIRST_SAVE_MS = 10_000;

/** The state before the first step. */
export const startState = (params: Arrays): RunState => ({
  step: 0,
  epoch: 0,
  batch: 0,
  lossSum: 0,
  history: [],
  params,
  optimizer: adamw({ learningRate: 0 }).init(params),
  best: null,
  averaged: null,
});

/**
 * Runs until the last epoch is done, the score has stopped rising (`patience`), or the signal
 * aborts; then the state has been saved. Throws FormatError `training-diverged` when a loss or
 * gradient is not finite.
 */
export async function train(
  start: RunState,
  plan: Plan,
  hooks: Hooks,
): Promise<{ state: RunState; isDone: boolean }> {
  const { hyperparameters: h, lengths, key } = plan;
  const { average } = plan;
  const runs = average?.runs ?? 1;
  const runSteps = plan.batches.perEpoch * h.epochs;
  const totalSteps = runs * runSteps;
  const optimizer = adamw({
    learningRate: warmupLinearDecay({
      peak: h.learning_rate,
      warmupSteps: Math.round(h.warmup_ratio * runSteps),
      totalSteps: runSteps,
    }),
    weightDecay: h.weight_decay,
    ...(plan.groups && { groups: plan.groups }),
  });
  let state = start;
  const { saveEveryMs = SAVE_EVERY_MS } = hooks;
  let saveAt = hooks.now() + Math.min(FIRST_SAVE_MS, saveEveryMs);
  const saveIfDue = async (): Promise<void> => {
    if (hooks.now() < saveAt) return;
    await hooks.save(state);
    saveAt = hooks.now() + saveEveryMs;
  };

  while (state.epoch < runs * h.epochs && !isStale(state, h.patience)) {
    const batches = plan.batches.of(state.epoch);
    while (state.batch < batches.length) {
      const rows = batches[state.batch]!;
      const { loss, grads } = await plan.step(rows, state.params, derive(key, "step", state.step));
      const clipped = clipByGlobalNorm(grads, h.max_grad_norm);
      checkFinite(state.step, loss, clipped.norm);
      const next = optimizer.update(clipped.grads, state.optimizer, state.params);
      state = {
        ...state,
        step: state.step + 1,
        batch: state.batch + 1,
        lossSum: state.lossSum + loss,
        params: applyUpdates(state.params, next.updates),
        optimizer: next.state,
      };
      const tokens = rows.reduce((sum, row) => sum + lengths[row]!, 0);
      hooks.onStep?.({ step: state.step, totalSteps, loss, norm: clipped.norm, tokens });
      if (hooks.signal.aborted) return interrupted(state);
      await saveIfDue();
    }

    const evaluation = await evaluateOrAbort(state.params);
    if (evaluation === null) return interrupted(state);
    const { score } = evaluation;
    const epoch = state.epoch + 1;
    const isBest = state.best === null || score > state.best.score;
    const after: RunState = {
      ...state,
      epoch,
      batch: 0,
      lossSum: 0,
      history: [...state.history, { epoch, loss: state.lossSum / batches.length, ...evaluation }],
      best: isBest ? { epoch, score, params: state.params } : state.best,
    };
    const isOver = epoch % h.epochs === 0 || isStale(after, h.patience);
    const next = average && isOver ? withRun(after, average, h.epochs) : after;
    if (average && next.averaged?.runs === runs) {
      const ofMean = await evaluateOrAbort(next.params);
      if (ofMean === null) return interrupted(state);
      state = { ...next, best: { epoch, score: ofMean.score, params: next.params } };
    } else {
      state = next;
    }
    hooks.onEpoch?.(state);
  }
  return { state, isDone: true };

  async function interrupted(state: RunState): Promise<{ state: RunState; isDone: boolean }> {
    await hooks.save(state);
    return { state, isDone: false };
  }

  /** Null when the run was interrupted while measuring. */
  async function evaluateOrAbort(params: Arrays): Promise<Evaluation | null> {
    try {
      const measured = await plan.evaluate(params);
      return typeof measured === "number" ? { score: measured } : measured;
    } catch (error) {
      if (hooks.signal.aborted) return null;
      throw error;
    }
  }
}

/** Whether so many epochs have passed without a better score that no more will be made. */
export const isStale = ({ epoch, best }: RunState, patience: number): boolean =>
  patience > 0 && best !== null && epoch - best.epoch >= patience;

function checkFinite(step: number, loss: number, norm: number): void {
  if (Number.isFinite(loss) && Number.isFinite(norm)) return;
  throw new FormatError(
    "training-diverged",
    `step ${step + 1}: loss is ${loss}, gradient norm ${norm}; try a smaller --lr`,
  );
}
