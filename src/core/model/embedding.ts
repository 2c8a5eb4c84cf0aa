/**
 * A text's windows, pooled -> one vector for the text.
 *
 * The rule for texts longer than a window: each window is pooled by itself, and the text's vector is
 * the mean of its windows' vectors, scaled to length 1 only then. Windows are equally long, so none
 * of them counts for less. A text of one window is pooled as sentence-transformers pools it: `mean`
 * over all attended tokens, special ones included.
 */
import type { Pooling } from "./head.ts";
import { mergeSequence } from "./windows.ts";

/** How tokens become one vector; of a base, not of a task. */
export type EmbeddingPooling = Exclude<Pooling, "none">;

/** Vectors [H] of every window, each pooled by itself -> [H]; of length 1 when `normalize` is set. */
export function embedding(pooled: readonly Float32Array[], normalize: boolean): Float32Array {
  const vector = mergeSequence(pooled);
  return normalize ? unit(vector) : vector;
}

/** Scales to Euclidean length 1; a vector of zeros stays one. */
export function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? vector : vector.map((value) => value / length);
}
