/**
 * One training run from a prepared task to a task folder:
 *   features -> training session -> THE LOOP (trainer.ts) -> the best parameters as an artifact
 *   -> measured, calibrated and written on the graph and runtime that serve (finish.ts).
 */
import { encodeUtf8 } from "../../core/text.ts";
import type { Base } from "../../encoder/base.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import { decide } from "../measure/decisions.ts";
import { metricsOf, scoreOf } from "../measure/metrics.ts";
import type { TaskMetrics } from "../measure/metrics.ts";
import { estimateTime } from "../loop/estimate.ts";
import type { Estimate } from "../loop/estimate.ts";
import { finishTask } from "./finish.ts";
import type { FinishedRun } from "./finish.ts";
import { inspectRows } from "./inspect-rows.ts";
import { allEpochs, isServed } from "../methods.ts";
import { initialParams } from "../graph/parameters.ts";
import type { Arrays } from "../graph/parameters.ts";
import { batchPlanOf } from "../loop/batch-plan.ts";
import { answersOfFolds } from "./fold-runs.ts";
import type { Fold } from "../data/folds.ts";
import type { CrossValidated } from "../measure/cross-validation.ts";
import type { PreparedTask } from "./prepare.ts";
import { derive, keyOf } from "../random.ts";
import { recordCourse } from "../loop/course.ts";
import { groupsOf, openSavedRun } from "../loop/saved-run.ts";
import type { RunStore } from "../loop/saved-run.ts";
import type { Sha256 } from "../../core/format/manifest.ts";
import type { Runtimes } from "./runtimes.ts";
import type { Fingerprint, RunState } from "../loop/run-state.ts";
import { encoderOf } from "../loop/step.ts";
import type { TaskSpec } from "./spec.ts";
import { startGain } from "./start-gain.ts";
import type { StartGain } from "./start-gain.ts";
import { openTrainingRun, withOther } from "./training-run.ts";
import type { Plan, StepReport } from "../loop/trainer.ts";
import { openTunedBase } from "./tuned-base.ts";
import type { StopSignal } from "../../core/signal.ts";

export interface RunOptions {
  readonly name: string;
  /** Where the run is saved while it is made, and by which release of this program. */
  readonly store: RunStore;
  readonly program: string;
  readonly saveEveryMs?: number | undefined;
  readonly resume: boolean;
  /** Start from the first step although an unfinished run is saved there. */
  readonly overwrite?: boolean;
  readonly signal: StopSignal;
  /** Look for training rows whose labels are doubtful, for the report. */
  readonly inspectsRows?: boolean;
  /** Measure what the start knows of the task before the first step, and say so. */
  readonly measuresStart?: boolean;
  readonly now: () => number;
  readonly note: (line: string) => void;
  readonly onStart?: (gain: StartGain) => void;
  readonly onEstimate?: (estimate: Estimate) => void;
  readonly onStep: (report: StepReport) => void;
  readonly onEpoch: (state: RunState) => void;
  /** Called before each of the trainings that measure a task of few rows, the first of `of` being 1. */
  readonly onFold?: (fold: number, of: number) => void;
}

export type RunResult =
  { readonly isDone: false; readonly step: number } | (FinishedRun & { readonly isDone: true });

/** Trains, measures and writes a task. An interrupted run is saved and returns `isDone: false`. */
export async function trainTask(
  spec: TaskSpec,
  prepared: PreparedTask,
  base: Base,
  runtimes: Runtimes,
  options: RunOptions,
): Promise<RunResult> {
  const { hyperparameters, seed, method } = prepared;
  const { signal } = options;
  const key = keyOf(seed);
  const fingerprint = await fingerprintOf(prepared, base, runtimes.sha256);
  const saved = await openSavedRun(options.store, { ...options, fingerprint });
  const native = await runtimes.openBase(base, "node");
  const encoder = encoderOf(base);
  const run = await openTrainingRun(
    {
      name: options.name,
      prepared,
      prefixDropout: hyperparameters.prefix_dropout,
      created: new Date(options.now()),
    },
    { ...runtimes, base, encoder, native },
  );
  const { parameters, facts, target } = run;
  const tuned = isServed(method)
    ? null
    : await openTunedBase(native, encoder, target, runtimes.createSession);
  const answer = async (params: Arrays, rows?: number): Promise<TaskMetrics> => {
    tuned?.use(params);
    const loaded = tuned?.loaded ?? native;
    const whole = await run.withHead(params, loaded, signal);
    return (await run.judge(whole, loaded, { rows, signal })).metrics;
  };

  const startKey = derive(key, "init");
  const first = { ...initialParams(parameters, startKey), ...prepared.init?.params };
  const start = saved.start(parameters, startKey, prepared.init?.params);
  const { average = 1 } = hyperparameters;
  const plan: Plan = {
    hyperparameters,
    key,
    ...(average > 1 && { average: { runs: average, start: first } }),
    groups: groupsOf(parameters),
    lengths: run.lengths,
    batches: batchPlanOf(prepared.objective, hyperparameters, run, key),
    step: run.step,
    evaluate: async (params) => {
      if (!prepared.folds) return scoreOf(await answer(params));
      const { examples, logits } = await heldOut(prepared.folds);
      return scoreOf(metricsOf(decide(facts, examples, logits)));
    },
  };
  const gain =
    options.measuresStart === true
      ? await unlessAborted(signal, startGain(prepared, facts, native, signal))
      : null;
  if (gain) options.onStart?.(gain);
  let opened: LoadedBase | undefined;
  /** The base by which the finished task answers. */
  const openServing = async (): Promise<LoadedBase> =>
    (opened ??= tuned?.loaded ?? (await runtimes.openBase(base, "serving")));
  let held: CrossValidated | undefined;
  /** The answers of the folds: one training of each, made when the run of all rows is over. */
  const heldOut = async (folds: readonly Fold[]): Promise<CrossValidated> =>
    (held ??= await answersOfFolds(folds, await openServing(), {
      run,
      prepared,
      plan,
      start: first,
      use: (params) => tuned?.use(params),
      onFold: options.onFold,
      signal,
      now: options.now,
    }));
  if (options.onEstimate) {
    const estimate = await unlessAborted(
      signal,
      estimateTime({
        plan,
        params: start.params,
        epochsLeft: allEpochs(hyperparameters) - start.epoch,
        answer: (rows) => answer(start.params, rows),
        evaluationRows: prepared.evaluation.length,
        retrained: retrainedShare(prepared),
        now: options.now,
      }),
    );
    if (estimate) options.onEstimate(estimate);
  }
  const course = recordCourse(options.now);
  const { state, isDone } = await saved.train(start, plan, {
    signal,
    saveEveryMs: options.saveEveryMs,
    now: options.now,
    onStep: (report) => {
      course.onStep(report);
      options.onStep(report);
    },
    onEpoch: options.onEpoch,
  });
  if (!isDone) {
    await run.release();
    await release(native, opened ?? tuned?.loaded);
    return { isDone, step: state.step };
  }

  const best = state.best!.params;
  const serving = await openServing();
  const finished = await unlessAborted(
    signal,
    (async () => {
      const answers = prepared.folds && (await heldOut(prepared.folds));
      tuned?.use(best);
      const withHead = await run.withHead(best, serving, signal);
      const whole = await run.withPrototypes(withHead, serving, signal);
      const own = prepared.other === null ? facts : withOther(facts, prepared.other);
      const closing = { ...runtimes, facts: own, prepared, spec, serving };
      if (answers) return finishTask(await run.pack(whole), answers, closing);
      const { settled, logits } = await run.judge(whole, serving, { signal });
      return finishTask(await run.pack(settled()), logits, closing);
    })(),
  );
  const doubtful =
    finished && options.inspectsRows
      ? await unlessAborted(signal, inspectRows(native, prepared, { signal, finished }))
      : [];
  await run.release();
  await release(native, serving);
  if (!finished) return { isDone: false, step: state.step };
  return {
    ...finished,
    isDone,
    state,
    origin: base,
    course: course.read(),
    doubtful: doubtful ?? [],
    startGain: gain,
  };
}

/** Rows that the runs of folds train on, as a share of the rows. */
const retrainedShare = ({ folds, train, hyperparameters: { average = 1 } }: PreparedTask): number =>
  (folds ?? []).reduce((sum, fold) => sum + (average * fold.train.length) / train.length, 0);

/** Null after an abort: the loop sees the same signal and saves. */
async function unlessAborted<T>(signal: StopSignal, result: Promise<T>): Promise<T | null> {
  return result.catch((error: unknown) => {
    if (signal.aborted) return null;
    throw error;
  });
}

async function release(...bases: readonly (LoadedBase | undefined)[]): Promise<void> {
  for (const base of bases) await base?.encoder.release();
}

/** How words are read: a saved run of a program that read them otherwise is refused. */
export const READING = "entities labelled";

/** Everything that the course of a run depends on. */
export async function fingerprintOf(
  prepared: PreparedTask,
  base: Base,
  sha256: Sha256,
): Promise<Fingerprint> {
  const hashJson = (items: readonly unknown[]): Promise<string> =>
    sha256(encodeUtf8(items.map((item) => JSON.stringify(item)).join("\n")));
  const {
    train,
    evaluation,
    hyperparameters,
    labels,
    init,
    readsWords,
    labelAllTokens,
    unlabelled,
    teacher,
    evaluationFiles: _,
    folds: ______,
    summary: __,
    reasons: ___,
    warnings: ____,
    places: _____,
    ...settings
  } = prepared;
  return {
    base: base.manifest.identity,
    train: await hashJson(train),
    eval: await hashJson(evaluation),
    labels: await hashJson(labels),
    ...(init && { init: init.sha256 }),
    ...(readsWords && { reads_words: READING }),
    ...(labelAllTokens && { label_all_tokens: true }),
    ...(teacher && {
      teacher: await hashJson([teacher]),
      unlabelled: await hashJson(unlabelled),
    }),
    ...settings,
    ...hyperparameters,
  };
}
