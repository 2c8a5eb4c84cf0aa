/**
 * One training run from a prepared task to a task folder:
 *   features -> training session -> THE LOOP (trainer.ts) -> the best parameters as an artifact
 *   -> its metrics and canary examples on the graph and runtime that serve -> files.
 */
import { basename } from "node:path";
import type { GraphFiles, Session } from "../../src/runtime/session.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import type { Base } from "../import/base-folder.ts";
import { sha256Of } from "../publish/bucket.ts";
import { canaryExamples } from "./answers.ts";
import type { LoadedBase } from "./answers.ts";
import { taskCard } from "./card.ts";
import { evaluateTask, scoreName, scoreOf } from "./evaluate.ts";
import type { TaskMetrics } from "./evaluate.ts";
import { featuresOf } from "./features.ts";
import type { Arrays } from "./optim.ts";
import type { PreparedTask } from "./prepare.ts";
import { derive, keyOf } from "./random.ts";
import { loadRunState, removeRunState, saveRunState } from "./run-state.ts";
import type { Fingerprint, RunState } from "./run-state.ts";
import { initialParams, openTrainingSession, paramDims } from "./step.ts";
import { packPrefix, packTask, writeTaskFolder } from "./task-folder.ts";
import type { PackedTask, TaskFacts } from "./task-folder.ts";
import type { TaskSpec } from "./task-spec.ts";
import { startState, train } from "./trainer.ts";
import type { StepReport } from "./trainer.ts";

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
  readonly onStep: (report: StepReport) => void;
  readonly onEpoch: (state: RunState) => void;
}

export type RunResult =
  | { readonly isDone: false; readonly step: number }
  | {
      readonly isDone: true;
      readonly packed: PackedTask;
      readonly metrics: TaskMetrics;
      readonly state: RunState;
    };

/** Rows of an evaluation batch; bounded so that the wasm heap stays small. */
const EVALUATION_BATCH = 32;

/** Name of the saved run inside the task folder. */
export const RUN_STATE = ".run-state.safetensors";

/** Trains, measures and writes a task. An interrupted run is saved and returns `isDone: false`. */
export async function trainTask(
  spec: TaskSpec,
  prepared: PreparedTask,
  base: Base,
  runtimes: Runtimes,
  options: RunOptions,
): Promise<RunResult> {
  const { labels, type, pooling, numVirtualTokens, hyperparameters, seed } = prepared;
  const key = keyOf(seed);
  const native = await runtimes.openBase(base, "node");
  const features = featuresOf(prepared.train, native.tokenizer, {
    type,
    labels,
    maxLength: prepared.maxLength,
    labelAllTokens: spec.label_all_tokens,
  });
  const target = {
    pooling,
    numLabels: labels.length,
    numVirtualTokens,
    prefixDropout: hyperparameters.prefix_dropout,
  };
  const dims = paramDims(target, base.manifest);
  const facts: TaskFacts = {
    task: options.name,
    type,
    problem_type: "single_label_classification",
    labels,
    num_virtual_tokens: numVirtualTokens,
    position_offset: 0,
    pooling,
    max_length: prepared.maxLength,
    temperature: 1,
    thresholds: null,
    canary: [],
    metrics: {},
    created: new Date(options.now()).toISOString(),
  };
  const pack = (params: Arrays): Promise<PackedTask> =>
    packTask(facts, base.manifest, params, dims, "float16");
  const measure = async (loaded: LoadedBase, { task }: PackedTask): Promise<TaskMetrics> =>
    evaluateTask(loaded, task, prepared.evaluation, {
      batchSize: EVALUATION_BATCH,
      signal: options.signal,
    });

  const statePath = `${options.out}/${RUN_STATE}`;
  const fingerprint = fingerprintOf(prepared, base);
  const saved = options.resume ? await loadRunState(statePath, fingerprint) : null;
  if (options.resume && !saved) options.note("nothing to resume: starting from the first step");
  if (saved) options.note(`resuming after step ${saved.step}`);

  const session = await openTrainingSession(base, target, runtimes.createSession);
  const start = saved ?? startState(initialParams(target, base.manifest, derive(key, "init")));
  const { state, isDone } = await train(
    start,
    {
      hyperparameters,
      key,
      lengths: features.map(({ ids }) => ids.length),
      step: (rows, params, stepKey) =>
        session.step(
          rows.map((row) => features[row]!),
          params,
          stepKey,
        ),
      evaluate: async (params) => scoreOf(await measure(native, await pack(params))),
    },
    {
      signal: options.signal,
      now: options.now,
      save: (state) => saveRunState(statePath, state, fingerprint),
      onStep: options.onStep,
      onEpoch: options.onEpoch,
    },
  );
  await session.release();
  await native.session.release();
  if (!isDone) return { isDone, step: state.step };

  // Whatever stops the last measurements, the trained parameters are not lost.
  await saveRunState(statePath, state, fingerprint);
  const best = await pack(state.best!.params);
  const serving = await runtimes.openBase(base, "web");
  const metrics = await measure(serving, best);
  const canary = await canaryExamples(serving, best.task, spec.examples.slice(0, MAX_CANARIES));
  await serving.session.release();
  const packed = await packPrefix(
    { ...facts, canary, metrics: manifestMetrics(metrics, prepared.evaluationName) },
    base.manifest,
    best.prefixBytes,
  );
  return { isDone, packed, metrics, state };
}

/** Publishing answers every canary example again: enough to notice, few enough to be quick. */
const MAX_CANARIES = 16;

/** Writes what a finished run made, and forgets its saved state. `taskJson` null leaves task.json alone. */
export async function writeTrainedTask(
  out: string,
  spec: TaskSpec,
  prepared: PreparedTask,
  result: Extract<RunResult, { isDone: true }>,
  taskJson: string | null,
): Promise<void> {
  const { packed, state } = result;
  const card = taskCard(packed.task.manifest, {
    description: spec.description,
    method: prepared.method,
    data: {
      files: spec.data.train.map(({ path }) => basename(path)),
      source: spec.data.source,
      licence: spec.data.licence,
    },
    settings: {
      ...prepared.hyperparameters,
      seed: prepared.seed,
      rows: prepared.train.length,
      steps: state.step,
      "best epoch": state.best!.epoch,
    },
    prefixBytes: packed.prefixBytes.byteLength,
  });
  await writeTaskFolder(out, packed, { taskJson, card });
  await removeRunState(`${out}/${RUN_STATE}`);
}

/** Metrics as the manifest keeps them: the numbers, and on what they were measured. */
function manifestMetrics(metrics: TaskMetrics, dataset: string): Record<string, unknown> {
  const { type, labels: _table, ...numbers } = metrics;
  return { dataset, metric: scoreName(type), ...numbers };
}

/** Everything that the course of a run depends on. */
function fingerprintOf(prepared: PreparedTask, base: Base): Fingerprint {
  const { train, evaluation, hyperparameters, labels, ...settings } = prepared;
  return {
    base: base.manifest.identity,
    train: hashJson(train),
    eval: hashJson(evaluation),
    labels: hashJson(labels),
    ...settings,
    ...hyperparameters,
  };
}

function hashJson(items: readonly unknown[]): string {
  return sha256Of(encodeUtf8(items.map((item) => JSON.stringify(item)).join("\n")));
}
