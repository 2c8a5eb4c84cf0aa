/**
 * Evaluation without evaluation rows: each training row is answered by what was learned from others, and
 * all rows train the task that is written. With few rows, a tenth of them would say nothing.
 *
 * What is fitted in each fold decides what is measured. Where the features are of an encoder that never
 * saw the rows, fitting the head is enough. An encoder that was trained on the rows has to be trained
 * anew in each fold: its features of a row are better when that row has taught it.
 */
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

/** How an evaluation by cross-validation was made, for whom it is shown to. */
export interface CrossValidation {
  readonly folds: number;
  /** Rows that were held out in some fold. */
  readonly rows: number;
  /** Rows that never were, each the only text of its label. */
  readonly unmeasured: number;
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
  held: readonly HeldOut<JudgedLogits[number]>[],
  { isWhole }: Pick<CrossValidation, "isWhole">,
): CrossValidated => ({
  how: {
    folds: new Set(held.map(({ fold }) => fold)).size,
    rows: held.length,
    unmeasured: train.length - held.length,
    isWhole,
  },
  examples: held.map(({ row }) => train[row]!),
  logits: held.map(({ answer }) => answer),
  foldOf: held.map(({ fold }) => fold),
});

/**
 * The variance of a cross-validated score around the score on new texts, by that of as many independent
 * answers. Answers of one fold share what it learned, and all folds share the training rows: measured 1.3
 * to 1.6 (test/unit/learn/measure/cross-validation.test.ts; Bates et al., arXiv 2104.00673, find as much).
 */
const DEPENDENCE = 1.5;

/**
 * Metrics, intervals and calibration error of answers by cross-validation. Thresholds of a fold's rows are
 * those that suit the other folds. The intervals also allow for what each fold had fewer rows to learn
 * from than the task has.
 */
export function assessFolds(
  decoder: Decoder,
  {
    how,
    examples,
    logits,
    foldOf,
  }: Omit<CrossValidated, "how"> & { readonly how: Pick<CrossValidation, "folds"> },
): Evaluation {
  const decisions =
    decoder.thresholds === null
      ? decide(decoder, examples, logits)
      : decideByFold(decoder, { examples, logits, foldOf });
  return evaluationOf(decoder, decisions, {
    cases: casesOf(decoder, examples, logits),
    inflation: (DEPENDENCE * how.folds) / Math.max(1, how.folds - 1),
  });
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
