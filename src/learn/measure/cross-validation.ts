/**
 * Evaluation without evaluation rows: each training row is answered by what was learned from others, and
 * all rows train the task that is written. With few rows, a tenth of them would say nothing.
 *
 * What is fitted in each fold decides what is measured. Where the features are of an encoder that never
 * saw the rows, fitting the head is enough. An encoder that was trained on the rows has to be trained
 * anew in each fold: its features of a row are better when that row has taught it.
 */
import { logitsOf, scoresOf } from "../../core/model/decode.ts";
import type { Fold } from "../data/folds.ts";
import type { Example } from "../data/read.ts";
import { casesOf, decide } from "./decisions.ts";
import type { Decisions, Decoder, JudgedLogits } from "./decisions.ts";
import { calibrate, evaluationOf } from "./evaluate.ts";
import type { Evaluation } from "./evaluate.ts";

/** Learns from some rows; the result answers others, in their order. */
export type FitRows<Answer> = (
  train: readonly number[],
  fold: number,
) => Promise<(rows: readonly number[]) => readonly Answer[] | Promise<readonly Answer[]>>;

/** The answer to a row by what was learned without it. */
export interface HeldOut<Answer> {
  readonly row: number;
  readonly fold: number;
  readonly answer: Answer;
}

/** Answers to all rows that a fold holds out, in the order of the rows. */
export async function crossValidate<Answer>(
  folds: readonly Fold[],
  fit: FitRows<Answer>,
): Promise<HeldOut<Answer>[]> {
  const found: HeldOut<Answer>[] = [];
  for (const [fold, { train, held }] of folds.entries()) {
    const answer = await fit(train, fold);
    const answers = await answer(held);
    found.push(...held.map((row, i) => ({ row, fold, answer: answers[i]! })));
  }
  return found.sort((a, b) => a.row - b.row);
}

/** How rows were held out, for report, card and terminal. */
export interface CrossValidation extends Pick<Fold, "of" | "alone"> {
  /** Folds that were run; fewer than there are where they hold out enough rows to judge by. */
  readonly folds: number;
  /** Rows that were held out in these. */
  readonly rows: number;
  /** Whether all that is trained was trained anew in each fold, or the head alone. */
  readonly isWhole: boolean;
}

/** Rows that were held out, with their answers: what a usual evaluation has as rows and logits. */
export interface CrossValidated {
  readonly how: CrossValidation;
  readonly examples: readonly Example[];
  readonly logits: JudgedLogits;
  /** The fold of each of them. */
  readonly foldOf: readonly number[];
}

/** Training rows and answers to those that were held out, as an evaluation. */
export const crossValidated = (
  train: readonly Example[],
  folds: readonly Fold[],
  held: readonly HeldOut<JudgedLogits[number]>[],
  { isWhole }: Pick<CrossValidation, "isWhole">,
): CrossValidated => ({
  how: {
    folds: folds.length,
    of: folds[0]?.of ?? 0,
    rows: held.length,
    alone: folds[0]?.alone ?? 0,
    isWhole,
  },
  examples: held.map(({ row }) => train[row]!),
  logits: held.map(({ answer }) => answer),
  foldOf: held.map(({ fold }) => fold),
});

/**
 * Factor on the variance of a score of independent answers that gives the variance of a cross-validated
 * score around the score on new texts. Answers of one fold share what it learned, and all folds share the
 * training rows. Measured factors are 1.3 to 1.6 (cross-validation.test.ts simulates them); Bates et al.
 * (arXiv 2104.00673) find as much.
 */
const DEPENDENCE = 1.5;

/**
 * Metrics, intervals and calibration error of answers by cross-validation. Thresholds of a fold's rows are
 * those that suit the other folds. The intervals are also wider the fewer folds there are, since a fold
 * learns from fewer rows than the task.
 */
export function assessFolds(
  decoder: Decoder,
  {
    how,
    examples,
    logits,
    foldOf,
  }: Omit<CrossValidated, "how"> & { readonly how: Pick<CrossValidation, "of"> },
): Evaluation {
  const decisions =
    decoder.thresholds === null
      ? decide(decoder, examples, logits)
      : decideByFold(decoder, { examples, logits, foldOf });
  return evaluationOf(decoder, decisions, {
    cases: casesOf(decoder, examples, logits),
    inflation: (DEPENDENCE * how.of) / Math.max(1, how.of - 1),
  });
}

/**
 * Scores [C] of each training row of a sequence task by what was learned without it, null where none was;
 * as other evidence about labels (label-doubts.ts).
 */
export function scoresByRow(
  decoder: Pick<Decoder, "problem_type" | "temperature" | "labels">,
  train: readonly Example[],
  { examples, logits }: Pick<CrossValidated, "examples" | "logits">,
): (Float64Array | null)[] {
  const { problem_type, temperature } = decoder;
  const kind = problem_type === "single_label_classification" ? "softmax" : "sigmoid";
  const scores = new Map(
    examples.map((example, i) => [
      example,
      scoresOf(logitsOf(logits[i]!.rows[0]!, decoder), kind, temperature),
    ]),
  );
  return train.map((example) => scores.get(example) ?? null);
}

/** Decisions with thresholds that the row had no part in. */
function decideByFold(
  decoder: Decoder,
  { examples, logits, foldOf }: Pick<CrossValidated, "examples" | "logits" | "foldOf">,
): Decisions {
  const folds = [...new Set(foldOf)];
  const decided = folds.map((fold): Decisions => {
    const isOther = (_: unknown, row: number): boolean => foldOf[row] !== fold;
    const fitted = calibrate(decoder, examples.filter(isOther), logits.filter(isOther));
    return decide({ ...decoder, ...fitted }, examples, logits);
  });
  const [first] = decided;
  if (first?.kind !== "multi-label") return decide(decoder, examples, logits);
  const predicted = foldOf.map((fold, row) => {
    const own = decided[folds.indexOf(fold)]!;
    return own.kind === "multi-label" ? own.predicted[row]! : [];
  });
  return { ...first, predicted };
}
