/** Logits -> labels with scores, with Hugging Face's names and defaults. */
import type { TaskManifest } from "./manifest.ts";

export type FunctionToApply = "softmax" | "sigmoid" | "none";

export interface Classification {
  readonly label: string;
  readonly score: number;
}

/** Softmax over one row [C], stable for any finite logits. */
export function softmax(logits: Float32Array, temperature = 1): Float64Array {
  const scaled = Float64Array.from(logits, (value) => value / temperature);
  const max = scaled.reduce((a, b) => Math.max(a, b), -Infinity);
  const exps = scaled.map((value) => Math.exp(value - max));
  const sum = exps.reduce((a, b) => a + b, 0);
  return exps.map((value) => value / sum);
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
      return Float64Array.from(logits, (value) => 1 / (1 + Math.exp(-value / temperature)));
    case "none":
      return Float64Array.from(logits);
    default:
      return functionToApply satisfies never;
  }
}

/** The function that turns a task's logits into scores when the caller names none. */
export function defaultFunction(
  manifest: Pick<TaskManifest, "problem_type" | "labels">,
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

/** Labels of one sequence, best first; ties keep the manifest's order. All of them unless `top_k`. */
export function classify(
  logits: Float32Array,
  manifest: Pick<TaskManifest, "problem_type" | "labels" | "temperature">,
  options: { function_to_apply?: FunctionToApply | undefined; top_k?: number | undefined } = {},
): Classification[] {
  const scores = scoresOf(
    logits,
    options.function_to_apply ?? defaultFunction(manifest),
    manifest.temperature,
  );
  return manifest.labels
    .map((label, c) => ({ label, score: scores[c]! }))
    .sort((a, b) => b.score - a.score)
    .slice(0, options.top_k ?? manifest.labels.length);
}
