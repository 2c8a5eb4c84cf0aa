/**
 * One training run from a prepared task to a task folder:
 *   features -> training session -> THE LOOP (trainer.ts) -> the best parameters as an artifact
 *   -> measured, calibrated and written on the graph and runtime that serve (finish-task.ts).
 */
import type { GraphFiles, Session } from "../../src/runtime/session.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import type { Base } from "../import/base-folder.ts";
import { sha256Of } from "../publish/bucket.ts";
import type { LoadedBase } from "./answers.ts";
import { scoreOf } from "./decisions.ts";
import type { TaskMetrics } from "./decisions.ts";
import { estimateTime } from "./estimate.ts";
import type { Estimate } from "./estimate.ts";
import { evaluateTask } from "./evaluate.ts";
import { featuresOf } from "./features.ts";
import { EVALUATION_BATCH, finishTask } from "./finish-task.ts";
import type { FinishedRun } from "./finish-task.ts";
import { graphWeights } from "./graph-weights.ts";
import { labelScaleOf, unscaledHead } from "./label-scale.ts";
import { isServed, partsOf } from "./methods.ts";
import type { Arrays } from "./optim.ts";
import { initialParams, servedParams } from "./parameters.ts";
import type { Target } from "./parameters.ts";
import type { PreparedTask } from "./prepare.ts";
import { derive, keyOf } from "./random.ts";
import { recordCourse } from "./report/course.ts";
import { RUN_STATE, loadRunState, saveRunState } from "./run-state.ts";
import type { Fingerprint, RunState } from "./run-state.ts";
import { encoderOf, openTrainingSession } from "./step.ts";
import { packTask } from "./task-folder.ts";
import type { PackedTask, TaskFacts } from "./task-folder.ts";
import type { TaskSpec } from "./task-spec.ts";
import { startState, train } from "./trainer.ts";
import type { Plan, StepReport } from "./trainer.ts";
import { openTunedBase } from "./tuned-base.ts";

/** The runtimes, handed in by the command. */
export interface Runtimes {
  /** Native, for the training graph. */
  readonly createSession: (files: GraphFiles) => Promise<Session>;
  /** The base as it answers: natively between epochs, on the runtime that serves at the end. */
  readonly openBase: (base: Base, runtime: "web" | "node") => Promise<LoadedBase>;
}

export interface RunOptions {
  readonly name: string;
  readonly out: string;
  readonly resume: boolean;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly note: (line: string) => void;
  readonly onEstimate?: (estimate: Estimate) => void;
  readonly onStep: (report: StepReport) => void;
  readonly onEpoch: (state: RunState) => void;
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
  const { labels, type, problemType, method, pooling, numVirtualTokens } = prepared;
  const { hyperparameters, seed } = prepared;
  const key = keyOf(seed);
  const native = await runtimes.openBase(base, "node");
  const scale = problemType === "regression" ? labelScaleOf(prepared.train) : null;
  const features = featuresOf(prepared.train, native.tokenizer, {
    type,
    labels,
    scale,
    maxLength: prepared.maxLength,
    labelAllTokens: spec.label_all_tokens,
  });
  const encoder = encoderOf(base);
  const target: Target = {
    parts: partsOf(method),
    pooling,
    numLabels: labels.length,
    numVirtualTokens,
  };
  const session = await openTrainingSession(
    encoder,
    base.manifest,
    {
      target,
      problemType,
      prefixDropout: hyperparameters.prefix_dropout,
      computed: await graphWeights(base, prepared.trainGraph, runtimes.createSession),
    },
    runtimes.createSession,
  );
  const { parameters } = session;
  const facts: TaskFacts = {
    task: options.name,
    type,
    problem_type: problemType,
    labels,
    num_virtual_tokens: isServed(method) ? numVirtualTokens : 0,
    position_offset: 0,
    pooling,
    max_length: prepared.maxLength,
    temperature: 1,
    thresholds: null,
    canary: [],
    metrics: {},
    created: new Date(options.now()).toISOString(),
  };
  const tuned = isServed(method)
    ? null
    : await openTunedBase(native, encoder, target, runtimes.createSession);
  const pack = (params: Arrays): Promise<PackedTask> => {
    const tensors = servedParams(params, target);
    if (!scale) return packTask(facts, base.manifest, tensors, "float16");
    // Numbers need more digits than the choice between labels does.
    return packTask(facts, base.manifest, unscaledHead(tensors, scale), "float32");
  };
  const answer = async (params: Arrays, rows?: number): Promise<TaskMetrics> => {
    tuned?.use(params);
    const { task } = await pack(params);
    return evaluateTask(tuned?.loaded ?? native, task, prepared.evaluation.slice(0, rows), {
      batchSize: EVALUATION_BATCH,
      signal: options.signal,
    });
  };

  const statePath = `${options.out}/${RUN_STATE}`;
  const fingerprint = fingerprintOf(prepared, base);
  const saved = options.resume ? await loadRunState(statePath, fingerprint) : null;
  if (options.resume && !saved) options.note("nothing to resume: starting from the first step");
  if (saved) options.note(`resuming after step ${saved.step}`);

  const start =
    saved ??
    startState({ ...initialParams(parameters, derive(key, "init")), ...prepared.init?.params });
  const plan: Plan = {
    hyperparameters,
    key,
    groups: Object.fromEntries(parameters.map((parameter) => [parameter.name, parameter])),
    lengths: features.map(({ ids }) => ids.length),
    step: (rows, params, stepKey) =>
      session.step(
        rows.map((row) => features[row]!),
        params,
        stepKey,
      ),
    evaluate: async (params) => scoreOf(await answer(params)),
  };
  if (options.onEstimate) {
    const estimate = await unlessAborted(
      options.signal,
      estimateTime({
        plan,
        params: start.params,
        epochsLeft: hyperparameters.epochs - start.epoch,
        answer: (rows) => answer(start.params, rows),
        evaluationRows: prepared.evaluation.length,
        now: options.now,
      }),
    );
    if (estimate) options.onEstimate(estimate);
  }
  const course = recordCourse(options.now);
  const { state, isDone } = await train(start, plan, {
    signal: options.signal,
    now: options.now,
    save: (state) => saveRunState(statePath, state, fingerprint),
    onStep: (report) => {
      course.onStep(report);
      options.onStep(report);
    },
    onEpoch: options.onEpoch,
  });
  await session.release();
  if (!isDone) {
    await release(native, tuned?.loaded);
    return { isDone, step: state.step };
  }

  // Whatever stops the last measurements, the trained parameters are not lost.
  await saveRunState(statePath, state, fingerprint);
  const best = state.best!.params;
  tuned?.use(best);
  const serving = tuned?.loaded ?? (await runtimes.openBase(base, "web"));
  const { signal } = options;
  const first = await pack(best);
  const finished = await unlessAborted(
    signal,
    finishTask(first, { facts, prepared, spec, serving, signal }),
  );
  await release(native, serving);
  if (!finished) return { isDone: false, step: state.step };
  return { ...finished, isDone, state, origin: base, course: course.read() };
}

/** Null when it was aborted: the loop sees the signal, too, and saves. */
async function unlessAborted<T>(signal: AbortSignal, result: Promise<T>): Promise<T | null> {
  return result.catch((error: unknown) => {
    if (signal.aborted) return null;
    throw error;
  });
}

async function release(...bases: readonly (LoadedBase | undefined)[]): Promise<void> {
  for (const base of bases) await base?.session.release();
}

/** Everything that the course of a run depends on. */
export function fingerprintOf(prepared: PreparedTask, base: Base): Fingerprint {
  const {
    train,
    evaluation,
    hyperparameters,
    labels,
    init,
    evaluationFiles: _,
    summary: __,
    reasons: ___,
    ...settings
  } = prepared;
  return {
    base: base.manifest.identity,
    train: hashJson(train),
    eval: hashJson(evaluation),
    labels: hashJson(labels),
    ...(init && { init: init.sha256 }),
    ...settings,
    ...hyperparameters,
  };
}

function hashJson(items: readonly unknown[]): string {
  return sha256Of(encodeUtf8(items.map((item) => JSON.stringify(item)).join("\n")));
}
