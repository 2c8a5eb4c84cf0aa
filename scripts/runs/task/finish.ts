/**
 * From the best parameters of a run to a task that can be published: measured and calibrated on the
 * runtime that serves, the author's examples answered, and everything written at once.
 */
import { join } from "node:path";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { answerExamples } from "../../../src/learn/measure/answers.ts";
import type { LoadedBase } from "../../../src/engine/engine.ts";
import { taskCard } from "./task-card.ts";
import type { Decoder, JudgedLogits } from "../../../src/learn/measure/decisions.ts";
import type { Example } from "../../../src/learn/data/read.ts";
import { assessFolds } from "../../../src/learn/measure/cross-validation.ts";
import type {
  CrossValidated,
  CrossValidation,
} from "../../../src/learn/measure/cross-validation.ts";
import { assess, assessFiles, calibrate } from "../../../src/learn/measure/evaluate.ts";
import type { Evaluation, FileEvaluation } from "../../../src/learn/measure/evaluate.ts";
import { isServed, partsOf } from "../../../src/learn/methods.ts";
import type { PreparedTask } from "./prepare.ts";
import { removeSavedRun } from "../saved-run.ts";
import type { RunState } from "../../../src/learn/loop/run-state.ts";
import {
  REPORT,
  packPrefix,
  writeTaskFolder,
  writeComparisonFolder,
} from "../../task/task-folder.ts";
import { RUNTIME_TITLES, namedRuntime, servingBuild } from "../../base/runtimes.ts";
import type { PackedTask, TaskFacts } from "../../task/task-folder.ts";
import type { Course } from "../../report/task-facts.ts";
import { evaluationFacts } from "../../report/evaluation-facts.ts";
import type { DoubtfulFact, ReportFacts, SweepFacts } from "../../report/facts.ts";
import { DEFAULT_LEVEL } from "../../report/facts.ts";
import { reportHtml } from "../../report/page.ts";
import { taskFacts, withTraining } from "../../report/task-facts.ts";
import type { TaskSpec } from "./spec.ts";
import { CHECKPOINT, tunedCheckpoint } from "./tuned-checkpoint.ts";

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
  }: {
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
  const { task } = await packPrefix(calibrated, base, first.prefixBytes);
  const examples = await answerExamples(serving, task, spec.examples.slice(0, MAX_EXAMPLES));
  const metrics = {
    ...manifestMetrics(evaluation, uncalibrated, evaluationName),
    ...(folds && { cross_validation: foldMetrics(folds.how) }),
    ...(files.length > 0 && { files: files.map(fileMetrics) }),
  };
  const measured = {
    ...(spec.description !== undefined && { description: spec.description }),
    measured_on: servingBuild(base.dtype),
    examples,
    metrics,
  };
  const packed = await packPrefix({ ...calibrated, ...measured }, base, first.prefixBytes);
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
}

/** What a finished run is written with, besides itself. */
export interface WriteOptions {
  /** The text of task.json; null leaves the one in the folder alone. */
  readonly taskJson: string | null;
  /** The sweep that chose these settings, for the report. */
  readonly sweep?: SweepFacts | undefined;
}

/** Writes a finished run into `out`, and removes its saved state. Returns the report's path, if any. */
export async function writeTrainedTask(
  out: string,
  spec: TaskSpec,
  prepared: PreparedTask,
  run: FinishedRun,
  { taskJson, sweep }: WriteOptions,
): Promise<string | null> {
  const facts = { ...factsOf(out, spec, prepared, run), sweep };
  const report = (spec.report ?? DEFAULT_LEVEL) === "none" ? null : reportHtml(facts);
  const texts = { taskJson, card: taskCard(facts), report };
  if (isServed(prepared.method)) await writeTaskFolder(out, run.packed, texts);
  else await writeComparisonFolder(out, texts, checkpointOf(prepared, run));
  await removeSavedRun(out);
  return report === null ? null : join(out, REPORT);
}

/** The files of a fine-tuned checkpoint; none for a method that leaves the weights alone. */
function checkpointOf({ method, type, labels }: PreparedTask, run: FinishedRun) {
  if (!partsOf(method).weights) return new Map<string, Uint8Array>();
  const files = tunedCheckpoint(run.origin, run.state.best!.params, { type, labels });
  return new Map([...files].map(([name, bytes]) => [`${CHECKPOINT}/${name}`, bytes]));
}

/** Everything that report and card say of a run. */
function factsOf(
  out: string,
  spec: TaskSpec,
  prepared: PreparedTask,
  run: FinishedRun,
): ReportFacts {
  const { packed, base, evaluation, files, examples, logits, crossValidation } = run;
  const { task } = packed;
  const hasTexts = (spec.report ?? DEFAULT_LEVEL) === "full";
  const { method, objective, hyperparameters, seed, reasons, summary } = prepared;
  const runtime = isServed(method) ? namedRuntime("serving", base.dtype) : "node";
  const facts = taskFacts(task.manifest, base, {
    method,
    isServed: isServed(method),
    version: task.version,
    folder: out,
    description: spec.description,
    readsWords: task.head.transitions !== null,
    evaluation: evaluationFacts(task.manifest, {
      name: prepared.evaluationName,
      runtime: `${base.dtype}, ${RUNTIME_TITLES[runtime]}`,
      examples,
      crossValidation: crossValidation ?? undefined,
      logits,
      evaluation,
      files,
      hasTexts,
    }),
    doubtful: hasTexts ? run.doubtful : [],
  });
  return withTraining(facts, {
    state: run.state,
    course: run.course,
    rows: prepared.train.length,
    scoreName: evaluation.score.name,
    objective,
    hyperparameters,
    seed,
    maxRows: spec.max_rows,
    reasons,
    summary,
    origin: spec.data,
  });
}
