/**
 * Logits -> labels with scores, with Hugging Face's names and defaults. Probabilities are those of
 * logits / temperature, the task's calibration; raw scores (`none`, regression) are the logits.
 */
import { exp } from "./exponential.ts";
import type { TaskSettings } from "./task.ts";

export type FunctionToApply = "softmax" | "sigmoid" | "none";

/** A label with its score: a probability, or the number itself of a regression. */
export interface Classification {
  readonly label: string;
  readonly score: number;
}

/** Softmax over one row [C], stable for any finite logits. */
export function softmax(logits: Float32Array, temperature = 1): Float64Array {
  const scores = new Float64Array(logits.length);
  // Once for each word of a long text: plain loops, which take a tenth of the time of mapping.
  let max = -Infinity;
  for (let c = 0; c < scores.length; c++) {
    scores[c] = logits[c]! / temperature;
    if (scores[c]! > max) max = scores[c]!;
  }
  let sum = 0;
  for (let c = 0; c < scores.length; c++) {
    scores[c] = exp(scores[c]! - max);
    sum += scores[c]!;
  }
  for (let c = 0; c < scores.length; c++) scores[c]! /= sum;
  return scores;
}

/** The scores of one row [C] under a function. */
export function scoresOf(
  logits: Float32Array,
  functionToApply: FunctionToApply,
  temperature: number,
): Float64Array {
  switch (functionToApply) {
    case "softmax":
      return softmax(logits, temperature);
    case "sigmoid":
      return Float64Array.from(logits, (value) => 1 / (1 + exp(-value / temperature)));
    case "none":
      return Float64Array.from(logits);
    default:
      return functionToApply satisfies never;
  }
}

/** The labels that a task may answer: its own, and then that of texts that fit none. */
export const answerLabels = ({
  labels,
  other,
}: Pick<TaskSettings, "labels" | "other">): readonly string[] =>
  other ? [...labels, other.label] : labels;

/** The logits [C] of a sequence's row, without what follows them. */
export const logitsOf = (
  row: Float32Array,
  { labels }: Pick<TaskSettings, "labels">,
): Float32Array => (row.length > labels.length ? row.subarray(0, labels.length) : row);

/**
 * The score of each of `answerLabels` for a sequence's row. By softmax the label of texts that fit none
 * has its probability and the others share the rest; by sigmoid each label has its own; without a
 * function that label's score is its log odds.
 */
export function labelScores(
  row: Float32Array,
  manifest: Pick<TaskSettings, "labels" | "temperature" | "other">,
  functionToApply: FunctionToApply,
): Float64Array {
  const { labels, other, temperature } = manifest;
  const scores = scoresOf(logitsOf(row, manifest), functionToApply, temperature);
  if (!other) return scores;
  const odds = (other.similarity - row[labels.length]!) / other.spread;
  if (functionToApply === "none") return Float64Array.of(...scores, odds);
  const share = 1 / (1 + exp(-odds));
  const rest = functionToApply === "softmax" ? 1 - share : 1;
  return Float64Array.of(...scores.map((score) => score * rest), share);
}

/** The function that turns a task's logits into scores when the caller names none. */
export function defaultFunction(
  manifest: Pick<TaskSettings, "problem_type" | "labels">,
): FunctionToApply {
  switch (manifest.problem_type) {
    case "regression":
      return "none";
    case "multi_label_classification":
      return "sigmoid";
    case "single_label_classification":
      return manifest.labels.length === 1 ? "sigmoid" : "softmax";
    default:
      return manifest.problem_type satisfies never;
  }
}

/**
 * Labels of one sequence, best first; ties keep the manifest's order.
 *
 * Which labels: all of them, as Hugging Face's pipeline gives them, or the `top_k` best. A
 * multi-label task that was trained with thresholds decides by itself: it answers with the labels
 * whose probability reaches their own threshold, possibly none. A caller who names `top_k`, or a
 * function other than sigmoid, has chosen another rule, and thresholds play no part. `min_score` leaves
 * out what scores lower, whatever the task.
 */
export function classify(
  logits: Float32Array,
  manifest: Pick<TaskSettings, "problem_type" | "labels" | "temperature" | "thresholds" | "other">,
  options: {
    function_to_apply?: FunctionToApply | undefined;
    top_k?: number | undefined;
    min_score?: number | undefined;
  } = {},
): Classification[] {
  const functionToApply = options.function_to_apply ?? defaultFunction(manifest);
  const scores = labelScores(logits, manifest, functionToApply);
  const isDecided =
    manifest.problem_type === "multi_label_classification" &&
    functionToApply === "sigmoid" &&
    options.top_k === undefined;
  const thresholds = isDecided ? manifest.thresholds : null;
  const least = options.min_score ?? -Infinity;
  return answerLabels(manifest)
    .map((label, c) => ({ label, score: scores[c]! }))
    .filter(({ score }, c) => score >= least && (thresholds === null || score >= thresholds[c]!))
    .sort((a, b) => b.score - a.score)
    .slice(0, options.top_k);
}
