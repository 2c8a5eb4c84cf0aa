/**
 * What report.html and CARD.md say about a task, as plain data: no session, no class, nothing that
 * JSON could not hold. A run fills it; page.ts and task-card.ts render it.
 * A field that is absent was not measured, or does not exist for the method or type of the task;
 * its part of the page is then left out.
 */
import type { Pooling } from "../core/model/head.ts";
import type { OtherLabel, ProblemType, TaskType } from "../core/model/task.ts";
import type { Reliability } from "../learn/measure/calibration.ts";
import type { CrossValidation } from "../learn/measure/cross-validation.ts";
import type { DataFileFact, Histogram, LabelCount } from "../learn/measure/data-summary.ts";
import type { DoubtfulFact } from "../learn/measure/doubtful-rows.ts";
import type { StartGain } from "../learn/task/start-gain.ts";
import type { LabelScore } from "../learn/measure/metrics.ts";

export interface ReportFacts {
  readonly task: string;
  /** The author's sentence about the task. */
  readonly description?: string | undefined;
  /** The author's sentences about what the task cannot do. */
  readonly limits?: readonly string[] | undefined;
  readonly type: TaskType;
  readonly problemType: ProblemType;
  /** prefix, prefix-projection, linear, .. */
  readonly method: string;
  /** false for a method that is only compared with (full, prompt): there is nothing to publish. */
  readonly isServed?: boolean | undefined;
  readonly labels: readonly string[];
  /** The answer to texts that fit no label, and the least cosine of one that fits; absent: each gets a label. */
  readonly other?: OtherLabel | undefined;
  readonly numVirtualTokens: number;
  /** A token task whose head reads word shapes, whose tags are chosen together (core/model/transitions.ts). */
  readonly readsWords?: boolean | undefined;
  readonly pooling: Pooling;
  readonly maxLength: number;
  /** Bytes of prefix.safetensors. */
  readonly prefixBytes: number;
  readonly base: BaseFacts;
  /** First 12 hex digits of the manifest's hash. */
  readonly version?: string | undefined;
  /** ISO 8601. */
  readonly created: string;
  readonly evaluation?: EvaluationFacts | undefined;
  /** Training rows to look at, most doubtful first; none when the report is to hold no text of the data. */
  readonly doubtful?: readonly DoubtfulFact[] | undefined;
  readonly training?: TrainingFacts | undefined;
  readonly sweep?: SweepFacts | undefined;
  readonly data?: DataFacts | undefined;
  /** A text written by the task's author, never one of the data, for the examples of use. */
  readonly sample?: { readonly text: string; readonly pair?: string | undefined } | undefined;
  /** The task folder as the person named it, for the commands. */
  readonly folder?: string | undefined;
}

export interface BaseFacts {
  readonly name: string;
  /** First 12 hex digits of the base's identity. */
  readonly identity: string;
  readonly dtype: "int8" | "fp32";
}

/** One number and how sure it is. */
export interface MetricFact {
  /** As in manifest.json: accuracy, macro_f1, matthews, precision, recall, f1, spearman, .. */
  readonly name: string;
  readonly value: number;
  /** 95 % interval: by bootstrap, or of few rows by cross-validation. */
  readonly interval?: Interval | undefined;
  /** The number by which the best epoch was chosen. */
  readonly isScore?: boolean | undefined;
}

export type Interval = readonly [low: number, high: number];

export interface EvaluationFacts {
  /** Names of the files, or of the split that was made. */
  readonly name: string;
  readonly rows: number;
  /** The rows are training rows, each answered by what was learned from others. */
  readonly crossValidation?: CrossValidation | undefined;
  /** What answered: "int8, onnxruntime-web". */
  readonly runtime: string;
  readonly metrics: readonly MetricFact[];
  /** The judging number of each file, where there are several. */
  readonly files?: readonly FileFact[] | undefined;
  /** Per label, or per entity type. */
  readonly labels?: readonly LabelScore[] | undefined;
  /** Single-label classification: how often each truth got each answer. Absent pairs are 0. */
  readonly confusion?: readonly ConfusionCell[] | undefined;
  /** Token tasks: what became of the entities. */
  readonly entities?: EntityOutcomes | undefined;
  /** Regression: truth and answer of each row, or of a sample of them. */
  readonly regression?: readonly RegressionPoint[] | undefined;
  readonly calibration?: CalibrationFacts | undefined;
  /** Wrong answers, highest loss first. Absent when the report is to hold no text of the data. */
  readonly hardest?: readonly HardExample[] | undefined;
}

export interface FileFact {
  readonly name: string;
  readonly rows: number;
  readonly score: MetricFact;
}

export interface ConfusionCell {
  readonly truth: string;
  readonly answer: string;
  readonly count: number;
}

/**
 * Each true entity is found (`correct`), found with another type or other ends, or `missed`; an
 * answer that overlaps no true entity is `spurious`.
 */
export interface EntityOutcomes {
  readonly correct: number;
  readonly wrongType: number;
  readonly wrongEnds: number;
  readonly wrongBoth: number;
  readonly missed: number;
  readonly spurious: number;
}

export interface RegressionPoint {
  readonly truth: number;
  readonly answer: number;
}

/** A row that was answered wrongly. */
export interface HardExample {
  readonly text: string;
  readonly pair?: string | undefined;
  readonly truth: readonly string[];
  readonly answer: readonly string[];
  /** Probability of the answer where there is one: single-label classification. */
  readonly score?: number | undefined;
  /**
   * -log of the probability of the truth as served, summed over words or labels where there are
   * several; regression: the squared error.
   */
  readonly loss: number;
  /** Token tasks: where each word lies in `text`, in UTF-16 units; truth and answer are its tags. */
  readonly words?: readonly { readonly start: number; readonly end: number }[] | undefined;
}

export interface CalibrationFacts {
  /** Logits are divided by it before softmax or sigmoid. */
  readonly temperature: number;
  readonly before: Reliability;
  readonly after: Reliability;
}

export interface TrainingFacts {
  readonly rows: number;
  readonly steps: number;
  readonly epochs: readonly EpochFact[];
  readonly bestEpoch: number;
  /** Several runs whose mean was kept instead, with its score; absent for one run. */
  readonly averaged?: { readonly runs: number; readonly score: number } | undefined;
  /** accuracy, f1, ..: what `score` of an epoch is. */
  readonly scoreName: string;
  /** Mean loss over runs of steps; see `smoothLosses`. */
  readonly stepLosses?: readonly StepLoss[] | undefined;
  /** The pretrained prefix that it started from. */
  readonly start?: StartFacts | undefined;
  /** Every setting with its value; `reasons` says why where it was chosen from the data. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly reasons?: Readonly<Record<string, string>> | undefined;
  /** Whose answers were learned beside the labels. */
  readonly teacher?: TaughtFacts | undefined;
  /** From the first step to the last, evaluations included; absent for a run in several parts. */
  readonly seconds?: number | undefined;
}

export interface StartFacts {
  readonly name: string;
  /** The tasks that it was pretrained on. */
  readonly tasks: readonly string[];
  /** Scores of a head alone, with it and without; absent where they were not measured. */
  readonly gain?: StartGain | undefined;
}

export interface TaughtFacts {
  readonly name: string;
  /** `a task on minilm (int8)`, `a fine-tuned checkpoint (fp32)` */
  readonly what: string;
  /** Its part in the loss of a labelled row. */
  readonly share: number;
  readonly temperature: number;
  /** Texts without a label, which it alone answered. */
  readonly unlabelled: number;
}

export interface EpochFact {
  readonly epoch: number; // from 1
  readonly loss: number;
  readonly score: number;
}

export interface StepLoss {
  /** Last step of the run of steps, in epochs: 1.5 is half-way through the second. */
  readonly epoch: number;
  readonly loss: number;
}

export interface SweepFacts {
  readonly scoreName: string;
  readonly cells: readonly SweepCell[];
  readonly chosen: { readonly numVirtualTokens: number; readonly learningRate: number };
  /** Why these, in a sentence. */
  readonly reason?: string | undefined;
}

export interface SweepCell {
  readonly numVirtualTokens: number;
  readonly learningRate: number;
  /** Mean score over the seeds, at the last budget that this pair was given. */
  readonly score: number;
  readonly interval?: Interval | undefined;
  readonly seeds: number;
  /** Share of a full run's steps after which the pair was last scored; 1 is a full run. */
  readonly budget: number;
}

export interface DataFacts {
  readonly files: readonly DataFileFact[];
  readonly source: string | null;
  readonly licence: string | null;
  /** BCP 47, when the author said so. */
  readonly language?: string | undefined;
  readonly balance?: readonly LabelCount[] | undefined;
  /** Tokens a row, before windows. */
  readonly lengths?: LengthFacts | undefined;
  /** What a person should know: rows left out, duplicates, labels without rows. */
  readonly notes?: readonly string[] | undefined;
}

export interface LengthFacts {
  readonly train: Histogram;
  readonly eval?: Histogram | undefined;
}
