/**
 * A head without any row: each label is the vector of a sentence that names it, as zero-shot answers
 * are made (core/model/zero-shot.ts). Logits are cosines times its scale, but for the length of a
 * text's own vector, which moves how sure an answer is and never which one it is.
 */
import { unit } from "../../core/model/embedding.ts";
import type { Head } from "../../core/model/head.ts";
import { LABEL_SCALE } from "../../core/model/zero-shot.ts";

/**
 * The head of labels by the pooled vectors [H] of their sentences: the mean direction of each label's.
 * With `neutral`, the vectors of sentences that are true of any text, every label is judged for itself;
 * without it one of them is right.
 */
export function headOfLabels(
  sentences: readonly (readonly Float32Array[])[],
  neutral: readonly Float32Array[] | null,
): Pick<Head, "weight" | "bias"> {
  const all = sentences.flat();
  const hidden = all[0]?.length ?? 0;
  const meanLength = all.reduce((sum, vector) => sum + lengthOf(vector), 0) / all.length;
  const scale = LABEL_SCALE / meanLength;
  const bar = neutral && directionOf(neutral);
  const weight = new Float32Array(sentences.length * hidden);
  for (const [label, own] of sentences.entries()) {
    const row = directionOf(own).map((value, h) => scale * (value - (bar?.[h] ?? 0)));
    weight.set(row, label * hidden);
  }
  return { weight, bias: new Float32Array(sentences.length) };
}

/** The mean direction, of length 1. */
const directionOf = (vectors: readonly Float32Array[]): Float32Array =>
  unit(sumOf(vectors.map(unit)));

const lengthOf = (vector: Float32Array): number =>
  Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));

const sumOf = (vectors: readonly Float32Array[]): Float32Array =>
  vectors.reduce((sum, vector) => sum.map((value, h) => value + vector[h]!));
