/**
 * From which familiarity on a text counts as one that fits no label. There are no such texts to learn
 * from, so the limit follows from those that fit: few of them may be lost.
 */
import { labelScores } from "../../core/model/decode.ts";
import type { OtherLabel } from "../../core/model/task.ts";
import { argmax } from "./answers.ts";
import type { Decoder, JudgedLogits } from "./decisions.ts";
import type { Example } from "../data/read.ts";

/** Share of the measured rows that may lose a right answer. */
export const MOST_LOST = 0.015;
/** Fewer rows say nothing about how familiar a text is that fits. */
export const LEAST_ROWS = 30;
/** Of the deviation of the rows' familiarity: from .1 to 1 unknown texts are found equally well. */
const SPREAD = 0.5;
/** A familiarity below every cosine by far: with it no text is other. */
const NEVER = -2;
const LEAST_SPREAD = 1e-3;
const HALVINGS = 30;

/** The label before its limit is known: it is never answered. */
export const unsettledOther = (label: string): OtherLabel => ({
  label,
  similarity: NEVER,
  spread: LEAST_SPREAD,
});

/**
 * The largest limit at which at most MOST_LOST of the rows, or one of them, lose a right answer, to be used
 * with the decoder's temperature. `logits` are [C+1].
 */
export function fitOther(
  decoder: Decoder & { readonly other: OtherLabel },
  examples: readonly Example[],
  logits: JudgedLogits,
): OtherLabel {
  const { label } = decoder.other;
  const { labels } = decoder;
  const known = { ...decoder, other: null };
  const rightRows = logits.flatMap(({ rows: [row] }, i) =>
    labels[argmax(labelScores(row!, known, "softmax"))] === examples[i]!.labels[0] ? [row!] : [],
  );
  const spread = Math.max(
    LEAST_SPREAD,
    SPREAD * deviation(logits.map(({ rows: [row] }) => row![labels.length]!)),
  );
  const isAllowed = (similarity: number): boolean => {
    const other = { label, similarity, spread };
    const lost = rightRows.filter(
      (row) => argmax(labelScores(row, { ...decoder, other }, "softmax")) === labels.length,
    );
    return lost.length <= Math.max(1, MOST_LOST * logits.length);
  };
  let [low, high] = [NEVER, 1];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (isAllowed(middle)) low = middle;
    else high = middle;
  }
  return { label, similarity: low, spread };
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
