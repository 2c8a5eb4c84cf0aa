/**
 * A batch in parts, so that memory is bounded by tokens however long the texts are. The gradient of a
 * mean is the mean of the parts' gradients, weighted by their numbers of labels. PyTorch users know it
 * as gradient accumulation.
 */
import type { Arrays } from "../graph/parameters.ts";
import type { StepResult } from "./trainer.ts";

/**
 * Tokens of one run, virtual and padding ones included. Most passes over activations wait for memory,
 * so a run whose activations fit into a core's caches is quicker: 16 rows of 128 tokens take .91 of
 * the time in parts of 1,200 tokens, on the bundled base.
 */
const MAX_RUN_TOKENS = 1_200;

/** Rows [from, to) of a batch. */
export interface Rows {
  readonly from: number;
  readonly to: number;
}

/** As few parts of consecutive rows as the bound allows, of nearly the same size; never an empty one. */
export function microBatches(
  lengths: readonly number[],
  numVirtualTokens: number,
  maxTokens = MAX_RUN_TOKENS,
): Rows[] {
  const width = Math.max(...lengths) + numVirtualTokens;
  const most = Math.max(1, Math.floor(maxTokens / width));
  const count = Math.ceil(lengths.length / most);
  const border = (part: number): number => Math.round((part * lengths.length) / count);
  return Array.from({ length: count }, (_, part) => ({ from: border(part), to: border(part + 1) }));
}

/** The result of a part, and the number of labels that its loss is the mean of. */
export interface PartResult extends StepResult {
  readonly labels: number;
}

/** Adds gradients, times a weight, to sums that begin empty. */
export function addGradients(sums: Record<string, Float32Array>, grads: Arrays, weight = 1): void {
  for (const [name, grad] of Object.entries(grads)) {
    const sum = (sums[name] ??= new Float32Array(grad.length));
    for (let i = 0; i < grad.length; i++) sum[i]! += weight * grad[i]!;
  }
}

/** Adds up parts one by one, since a part's arrays may be used again for the next. */
export function createSum() {
  let loss = 0;
  let labels = 0;
  const sums: Record<string, Float32Array> = {};
  return {
    add(part: PartResult): void {
      loss += part.labels * part.loss;
      labels += part.labels;
      addGradients(sums, part.grads, part.labels);
    },
    /** The mean over all labels; of no labels, zeros. */
    mean(): StepResult {
      const count = Math.max(labels, 1);
      for (const sum of Object.values(sums)) {
        for (let i = 0; i < sum.length; i++) sum[i]! /= count;
      }
      return { loss: loss / count, grads: sums };
    },
  };
}
