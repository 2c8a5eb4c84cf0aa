/**
 * From the best parameters of a run to a task that can be published: measured and calibrated on the
 * runtime that serves, the author's examples answered.
 */
import type { BaseManifest } from "../../core/format/manifest.ts";
import type { Base } from "../../encoder/base.ts";
import { answerExamples } from "../measure/answers.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import type { Decoder, JudgedLogits } from "../measure/decisions.ts";
import type { Example } from "../data/read.ts";
import { assessFolds } from "../measure/cross-validation.ts";
import type { CrossValidated, CrossValidation } from "../measure/cross-validation.ts";
import { assess, assessFiles, calibrate } from "../measure/evaluate.ts";
import type { Evaluation, FileEvaluation } from "../measure/evaluate.ts";
import type { PreparedTask } from "./prepare.ts";
import type { RunState } from "../loop/run-state.ts";
import { packPrefix } from "./packed-task.ts";
import type { PackedTask, TaskFacts } from "./packed-task.ts";
import type { Course } from "../loop/course.ts";
import type { DoubtfulFact } from "../measure/doubtful-rows.ts";
import type { Runtimes } from "./runtimes.ts";
import type { TaskSpec } from "./spec.ts";
import type { StartGain } from "./start-gain.ts";

export interface FinishedTask {
  readonly packed: PackedTask;
  /** With the task's temperature and thresholds; each row of tags with biases fitted on the other half of the rows. */
  readonly evaluation: Evaluation;
  /** The same rows with temperature 1 and thresholds 0.5. */
  readonly uncalibrated: Evaluation;
  /** As served, file by file; empty where there is but one, or a split. */
  readonly files: readonly FileEvaluation[];
  /** The rows that were measured: the evaluation rows, or training rows of which others were learned. */
  readonly examples: readonly Example[];
  /** Logits of every one of them. */
  readonly logits: JudgedLogits;
  /** How they were held out; null for evaluation rows. */
  readonly crossValidation: CrossValidation | null;
  readonly base: BaseManifest;
}

/** Publishing answers every example again: enough to notice, few enough to be quick. */
const MAX_EXAMPLES = 16;

/**
 * Measures and calibrates a task by its logits of the evaluation rows, or by answers to training rows that
 * were held out, and packs it with what was found.
 */
export async function finishTask(
  first: PackedTask,
  answers: JudgedLogits | CrossValidated,
  {
    facts,
    prepared,
    spec,
    serving,
    servingBuild,
    sha256,
  }: Pick<Runtimes, "servingBuild" | "sha256"> & {
    readonly facts: TaskFacts;
    readonly prepared: Pick<PreparedTask, "evaluation" | "evaluationName" | "evaluationFiles">;
    readonly spec: TaskSpec;
    /** The base on the runtime that serves. */
    readonly serving: LoadedBase;
  },
): Promise<FinishedTask> {
  const { evaluationName, evaluationFiles } = prepared;
  const base: BaseManifest = serving.manifest;
  const folds = "foldOf" in answers ? answers : null;
  const rows = folds?.examples ?? prepared.evaluation;
  const logits = "foldOf" in answers ? answers.logits : answers;
  const evaluate = (decoder: Decoder): Evaluation =>
    folds ? assessFolds(decoder, folds) : assess(decoder, rows, logits);
  const uncalibrated = evaluate(facts);
  const calibrated = { ...facts, ...calibrate(facts, rows, logits) };
  const evaluation = evaluate(calibrated);
  const files =
    evaluationFiles.length > 1 ? assessFiles(calibrated, evaluationFiles, rows, logits) : [];
  const { task } = await packPrefix(calibrated, base, first.prefixBytes, sha256);
  const examples = await answerExamples(serving, task, spec.examples.slice(0, MAX_EXAMPLES));
  const metrics = {
    ...manifestMetrics(evaluation, uncalibrated, evaluationName),
    ...(folds && { cross_validation: foldMetrics(folds.how) }),
    ...(files.length > 0 && { files: files.map(fileMetrics) }),
  };
  const measured = {
    ...(spec.description !== undefined && { description: spec.description }),
    measured_on: servingBuild(base),
    examples,
    metrics,
  };
  const packed = await packPrefix({ ...calibrated, ...measured }, base, first.prefixBytes, sha256);
  const crossValidation = folds?.how ?? null;
  return { packed, evaluation, uncalibrated, files, examples: rows, logits, crossValidation, base };
}

/** How rows were held out, in the manifest's words. */
const foldMetrics = ({ folds, of, rows, alone, isWhole }: CrossValidation) => ({
  folds: of,
  ...(folds < of && { folds_run: folds }),
  rows,
  ...(alone > 0 && { rows_never_held_out: alone }),
  trained_anew: isWhole ? "all" : "head",
});

/** Metrics as the manifest keeps them: the numbers, how sure the judging one is, and on what. */
function manifestMetrics(
  { metrics, score, ece }: Evaluation,
  uncalibrated: Evaluation,
  dataset: string,
): Record<string, unknown> {
  const { type: _type, labels: _table, ...numbers } = metrics;
  const { name, low, high, level, resamples } = score;
  return {
    dataset,
    metric: name,
    ...numbers,
    interval: { low, high, level, resamples },
    ...(ece !== null && { ece, ece_uncalibrated: uncalibrated.ece }),
  };
}

/** One of several evaluation files, in the manifest's words. */
const fileMetrics = ({
  name,
  rows,
  score: { name: metric, value, low, high },
}: FileEvaluation) => ({
  dataset: name,
  rows,
  [metric]: value,
  interval: { low, high },
});

/** A finished run with how it went. */
export interface FinishedRun extends FinishedTask {
  readonly state: RunState;
  /** The base that it was trained on. */
  readonly origin: Base;
  readonly course?: Course;
  /** Training rows that a person should look at; empty where they were not looked for. */
  readonly doubtful: readonly DoubtfulFact[];
  /** What the start knew of the task; null without a start, or where it was not measured. */
  readonly startGain: StartGain | null;
}
