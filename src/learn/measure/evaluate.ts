/**
 * The quality of a task: metrics with intervals, and the calibration error of its scores. The
 * evaluation rows run through the code of the request path.
 */
import type { Task } from "../../core/format/task.ts";
import { answerTexts } from "./answers.ts";
import type { AnswerOptions } from "./answers.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import type { Interval } from "./bootstrap.ts";
import { fitTemperature, fitThresholds, reliabilityOf } from "./calibration.ts";
import type { Case } from "./calibration.ts";
import type { Example } from "../data/read.ts";
import { casesOf, decide, judgedLogits } from "./decisions.ts";
import type { Decisions, Decoder, JudgedLogits } from "./decisions.ts";
import { fitOther } from "./other.ts";
import { intervalsOf, metricsOf, scoreName, scoreOf } from "./metrics.ts";
import type { TaskMetrics } from "./metrics.ts";
import { derive, keyOf } from "../random.ts";

/** The results of an evaluation. */
export interface Evaluation {
  readonly metrics: TaskMetrics;
  /** How sure each metric is, by its name. */
  readonly intervals: Readonly<Record<string, Interval>>;
  /** The number by which the task is judged, with its 95 % interval. */
  readonly score: { readonly name: string; readonly value: number } & Interval;
  /** Expected calibration error of the scores as served; null for regression. */
  readonly ece: number | null;
}

/** An evaluation file as task.json names it, and the rows that are taken of it. */
export interface FileRows {
  readonly name: string;
  readonly rows: number;
}

/** The same for one of several evaluation files. */
export interface FileEvaluation extends Evaluation, FileRows {}

/** What turns logits into scores and labels, fitted on evaluation rows. */
export interface Calibration {
  readonly temperature: number;
  readonly thresholds: readonly number[] | null;
  readonly other: Decoder["other"];
}

/** Rows of an evaluation batch; bounded so that the wasm heap stays small. */
export const EVALUATION_BATCH = 32;

/** Logits of every evaluation row, from the base as `base` runs it. */
export async function evaluationLogits(
  base: LoadedBase,
  task: Task,
  examples: readonly Example[],
  options: AnswerOptions,
): Promise<JudgedLogits> {
  const texts = examples.map(({ text, pair }) =>
    pair === undefined ? { text } : { text, text_pair: pair },
  );
  const answers = await answerTexts(base, task, texts, options);
  return judgedLogits(task, examples, answers);
}

/** Metrics, interval and calibration error of logits under a manifest's decoding. */
export function assess(
  decoder: Decoder,
  examples: readonly Example[],
  logits: JudgedLogits,
): Evaluation {
  return evaluationOf(decoder, decide(decoder, examples, logits), {
    cases: casesOf(decoder, examples, logits),
  });
}

/** The same of decisions that were already made. `inflation` as for intervals of few rows (metrics.ts). */
export function evaluationOf(
  decoder: Decoder,
  decisions: Decisions,
  { cases, inflation }: { readonly cases: readonly Case[]; readonly inflation?: number },
): Evaluation {
  const metrics = metricsOf(decisions);
  const intervals = intervalsOf(decisions, derive(keyOf(0), "bootstrap"), { inflation });
  const name = scoreName(decoder);
  return {
    metrics,
    intervals,
    score: { name, value: scoreOf(metrics), ...intervals[name]! },
    ece: cases.length > 0 ? reliabilityOf(cases, decoder.temperature).ece : null,
  };
}

/** The evaluation of each of the files whose rows, one after the other, are `examples`. */
export function assessFiles(
  decoder: Decoder,
  files: readonly FileRows[],
  examples: readonly Example[],
  logits: JudgedLogits,
): FileEvaluation[] {
  let start = 0;
  return files.map(({ name, rows }) => {
    const [from, to] = [start, (start += rows)];
    return { name, rows, ...assess(decoder, examples.slice(from, to), logits.slice(from, to)) };
  });
}

/**
 * The temperature, for several labels a text the thresholds, and the limit of the label for texts that fit
 * none, that suit these rows best. The
 * temperature is 1 where the fitted one makes the calibration error larger: it has the best mean
 * likelihood, which a few confident mistakes can pull away from the scores of all other rows.
 */
export function calibrate(
  decoder: Decoder,
  examples: readonly Example[],
  logits: JudgedLogits,
): Calibration {
  const cases = casesOf(decoder, examples, logits);
  const fitted = fitTemperature(cases);
  const isBetter = reliabilityOf(cases, fitted).ece <= reliabilityOf(cases, 1).ece;
  const temperature = isBetter ? fitted : 1;
  if (decoder.problem_type !== "multi_label_classification") {
    const { other } = decoder;
    const settled = other && fitOther({ ...decoder, temperature, other }, examples, logits);
    return { temperature, thresholds: null, other: settled };
  }
  const sets = cases.filter(
    (item): item is Case & { truth: readonly boolean[] } => typeof item.truth !== "number",
  );
  const thresholds = fitThresholds(sets, decoder.labels.length, temperature);
  return { temperature, thresholds, other: null };
}
