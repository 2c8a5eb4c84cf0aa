/**
 * A trial: one training run whose result is numbers, the unit of `compare`, `sweep` and the accuracy
 * benchmark. It trains as `train` does (task/train-task.ts). Afterwards the best epoch answers the rows
 * that are only reported, on the runtime that serves and, where asked, on the same base in float32.
 */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { MismatchError } from "../../../src/core/errors.ts";
import { parseJson } from "../../../src/core/text.ts";
import { readIfThere, writeWhole } from "../../node/files.ts";
import { sizeOf } from "../../../src/core/model/shapes.ts";
import type { Base } from "../../../src/encoder/base.ts";
import type { LoadedBase } from "../../../src/engine/engine.ts";
import { EVALUATION_BATCH, assess, evaluationLogits } from "../../../src/learn/measure/evaluate.ts";
import type { Evaluation } from "../../../src/learn/measure/evaluate.ts";
import { byWords } from "../../../src/learn/measure/decisions.ts";
import type { FinishedRun } from "../../../src/learn/task/finish.ts";
import { isServed, partsOf } from "../../../src/learn/methods.ts";
import { parametersOf } from "../../../src/learn/graph/parameters.ts";
import type { Target } from "../../../src/learn/graph/parameters.ts";
import type { PreparedTask } from "../../../src/learn/task/prepare.ts";
import { RUN_STATE, removeSavedRun } from "../saved-run.ts";
import type { EpochRecord } from "../../../src/learn/loop/run-state.ts";
import { encoderOf } from "../../../src/learn/loop/step.ts";
import type { TaskSpec } from "../../../src/learn/task/spec.ts";
import { trainTask } from "../../../src/learn/task/train-task.ts";
import type { Runtimes } from "../../../src/learn/task/runtimes.ts";
import type { StepReport } from "../../../src/learn/loop/trainer.ts";
import { openTunedBase } from "../../../src/learn/task/tuned-base.ts";
import { tunedCheckpoint } from "../../../src/learn/task/tuned-checkpoint.ts";
import type { ReportedRows } from "./rows.ts";
import { folderRun } from "../saved-run.ts";

export interface TrialOptions {
  readonly name: string;
  readonly spec: TaskSpec;
  readonly prepared: PreparedTask;
  readonly base: Base;
  /** Rows that no choice depends on; null where the best epoch's own score is all that is asked. */
  readonly reported: ReportedRows | null;
  /** Without reported rows: the best epoch's score is as `train` finds it, on the runtime that serves. */
  readonly isScoredAsServed?: boolean;
  /** The same checkpoint in float32; null leaves `fp32_score` out. */
  readonly fp32Base: Base | null;
  /** Where an interrupted trial is saved, and the finished one leaves its task. */
  readonly out: string;
  readonly runtimes: Runtimes;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly note: (line: string) => void;
  readonly onStep?: (report: StepReport) => void;
  readonly onEpoch?: (epoch: EpochRecord) => void;
}

/** What a trial found; fields are named as in the JSON files that keep it. */
export interface TrialResult {
  /** accuracy, f1, ..: what `score` is. */
  readonly metric: string;
  /** On the reported rows, or else of the best epoch; from 0 to 1. */
  readonly score: number;
  /** 95 % bootstrap interval over those rows. */
  readonly interval: readonly [low: number, high: number];
  /** The same parameters on the base in float32; null where there is none, or no base serves them. */
  readonly fp32_score: number | null;
  /** The best epoch on the rows by which it was chosen. */
  readonly selection: { readonly rows: string; readonly score: number };
  readonly best_epoch: number;
  readonly history: readonly EpochRecord[];
  /** Numbers that were trained. */
  readonly parameters: number;
  /** Of prefix.safetensors, or the checkpoint; null for what has no file. */
  readonly bytes: number | null;
  /** From the first step to the last, the evaluations between epochs included. */
  readonly seconds: number;
  readonly rows: { readonly train: number; readonly selection: number; readonly reported: number };
  readonly settings: Readonly<Record<string, unknown>>;
}

const STOPWATCH = ".run-state.seconds.json";

/** Runs a trial, or goes on with it; null when it was interrupted and saved. */
export async function runTrial(options: TrialOptions): Promise<TrialResult | null> {
  const { prepared, base, runtimes, reported, signal, out } = options;
  const run = await trainOrGoOn(options);
  if (run === null) return null;
  try {
    const target: Target = {
      ...prepared,
      parts: partsOf(prepared.method),
      numLabels: prepared.labels.length,
    };
    const encoder = encoderOf(base);
    const answer = (loaded: LoadedBase): Promise<Evaluation> => scoreOn(loaded, run, options);
    let evaluation = run.evaluation;
    if (reported && isServed(prepared.method)) {
      evaluation = await closing(await runtimes.openBase(base, "serving"), answer);
    } else if (reported) {
      const native = await runtimes.openBase(base, "node");
      const tuned = await openTunedBase(native, encoder, target, runtimes.createSession);
      tuned.use(run.state.best!.params);
      evaluation = await closing(tuned.loaded, answer);
      await native.encoder.release();
    }
    const fp32 = await scoreInFloat32(options, run);
    const parameters = parametersOf(target, encoder).map(({ dims }) => sizeOf(dims));
    const { history, best } = run.state;
    const { score } = evaluation;
    const result: TrialResult = {
      metric: score.name,
      score: score.value,
      interval: [score.low, score.high],
      fp32_score: fp32,
      selection: { rows: prepared.evaluationName, score: best!.score },
      best_epoch: best!.epoch,
      history,
      parameters: parameters.reduce((sum, size) => sum + size, 0),
      bytes: bytesOf(run, prepared),
      seconds: Math.round(run.seconds),
      rows: {
        train: prepared.train.length,
        selection: prepared.evaluation.length,
        reported: (reported?.examples ?? prepared.evaluation).length,
      },
      settings: settingsOf(prepared),
    };
    if (isServed(prepared.method)) {
      await writeWhole(join(out, "prefix.safetensors"), run.packed.prefixBytes);
      await writeWhole(join(out, "manifest.json"), run.packed.manifestBytes);
    }
    await removeSavedRun(out);
    await rm(join(out, STOPWATCH), { force: true });
    return result;
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

type TimedRun = FinishedRun & { readonly seconds: number };

/** Resumes a saved run of the same settings; one of other settings is given up. */
async function trainOrGoOn(options: TrialOptions): Promise<TimedRun | null> {
  try {
    return await train(options, existsSync(join(options.out, RUN_STATE)));
  } catch (error) {
    if (!(error instanceof MismatchError && error.code === "run-state-mismatch")) throw error;
    options.note(`${options.name}: the saved run had other settings or data; starting afresh`);
    await removeSavedRun(options.out);
    return train(options, false);
  }
}

async function train(options: TrialOptions, resume: boolean): Promise<TimedRun | null> {
  const { spec, prepared, base, runtimes, out, now } = options;
  const watch = await startStopwatch(join(out, STOPWATCH), { isNew: !resume, now });
  let saving = Promise.resolve();
  const result = await trainTask(
    spec,
    prepared,
    base,
    // Rows that only choose the epoch are not measured again on the runtime that serves.
    options.isScoredAsServed
      ? runtimes
      : { ...runtimes, openBase: (b) => runtimes.openBase(b, "node") },
    {
      ...options,
      ...folderRun(out),
      resume,
      onStep: (report) => options.onStep?.(report),
      onEpoch({ history }) {
        saving = saving.then(() => watch.save());
        options.onEpoch?.(history.at(-1)!);
      },
    },
  );
  await saving;
  if (!result.isDone) {
    await watch.save();
    return null;
  }
  return { ...result, seconds: watch.seconds() };
}

async function scoreOn(
  base: LoadedBase,
  { packed }: FinishedRun,
  { reported, prepared, signal }: Pick<TrialOptions, "reported" | "prepared" | "signal">,
): Promise<Evaluation> {
  const { examples } = reported!;
  const { manifest } = packed.task;
  const options = { batchSize: EVALUATION_BATCH, signal };
  const logits = await evaluationLogits(base, packed.task, examples, options);
  // Methods are compared with fine-tuning, whose plain head other software reads, word by word.
  return assess(manifest, examples, prepared.readsWords ? logits : byWords(logits));
}

async function scoreInFloat32(options: TrialOptions, run: FinishedRun): Promise<number | null> {
  const { fp32Base, prepared, reported, runtimes } = options;
  if (!fp32Base || !reported || !isServed(prepared.method)) return null;
  const evaluation = await closing(await runtimes.openBase(fp32Base, "node"), (loaded) =>
    scoreOn(loaded, run, options),
  );
  return evaluation.score.value;
}

/** Uses a base and releases its session, also after an error. */
async function closing<T>(base: LoadedBase, use: (base: LoadedBase) => Promise<T>): Promise<T> {
  try {
    return await use(base);
  } finally {
    await base.encoder.release();
  }
}

function bytesOf(run: FinishedRun, { method, type, labels }: PreparedTask): number | null {
  if (isServed(method)) return run.packed.prefixBytes.byteLength;
  if (!partsOf(method).weights) return null;
  const files = tunedCheckpoint(run.origin, run.state.best!.params, { type, labels });
  return files.get("model.safetensors")!.byteLength;
}

const settingsOf = ({
  numVirtualTokens,
  maxLength,
  pooling,
  trainGraph,
  readsWords,
  hyperparameters,
}: PreparedTask): Record<string, unknown> => ({
  num_virtual_tokens: numVirtualTokens,
  max_length: maxLength,
  pooling,
  train_graph: trainGraph,
  ...(readsWords && { reads_words: true }),
  ...hyperparameters,
});

/** Time that a run has taken in all its parts: kept in a file beside the saved run. */
interface Stopwatch {
  /** Seconds until now, those of earlier parts included. */
  readonly seconds: () => number;
  /** Writes them down; what passes after the last time is lost with the process. */
  readonly save: () => Promise<void>;
}

/** Goes on from what `path` says, or from zero when `isNew`. */
async function startStopwatch(
  path: string,
  { isNew, now }: { readonly isNew: boolean; readonly now: () => number },
): Promise<Stopwatch> {
  const bytes = isNew ? null : await readIfThere(path);
  const before = bytes ? (parseJson(bytes, path) as { seconds: number }).seconds : 0;
  const start = now();
  const seconds = (): number => before + (now() - start) / 1000;
  return {
    seconds,
    save: () => writeWhole(path, JSON.stringify({ seconds: seconds() })),
  };
}
