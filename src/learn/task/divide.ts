/**
 * Which rows are trained on and which are measured on: evaluation files, a tenth set aside, or, of few
 * rows, all trained on and held out in folds.
 */
import { InputError } from "../../core/errors.ts";
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import { foldsOf } from "../data/folds.ts";
import type { Fold } from "../data/folds.ts";
import type { Dataset, Example } from "../data/read.ts";
import { someRows, splitName, splitRows, withoutTextsOf } from "../data/split.ts";
import { derive, keyOf } from "../random.ts";
import type { TaskSpec } from "./spec.ts";

/**
 * Rows to judge by. Every fold is a training of its own, and all of them together should take no longer
 * than the task's: two halves of few rows, or one fold that holds a hundred.
 */
const ENOUGH_HELD = 100;
/** More folds learn from more of the rows, so they tell more of what all rows teach. */
const FOLD_RANGE = [2, 5] as const;

export interface Divided {
  readonly train: readonly Example[];
  readonly evaluation: readonly Example[];
  readonly evaluationName: string;
  /** Training rows that were left out, since their texts are evaluation texts. */
  readonly inEvaluation: number;
}

/** Training and evaluation rows without a text on both sides, at most `max_rows` to train on. */
export function divide(
  files: { readonly train: readonly Dataset[]; readonly eval: readonly Dataset[] },
  spec: TaskSpec,
  note: (line: string) => void,
): Divided {
  const key = keyOf(spec.seed ?? 0);
  const all = files.train.flatMap(({ examples }) => examples);
  const isSplit = files.eval.length === 0;
  const given = files.eval.flatMap(({ examples }) => examples);
  const { train: rest, evaluation } = isSplit
    ? splitRows(all, derive(key, "split"))
    : { train: withoutTextsOf(all, given), evaluation: given };
  const evaluationName = isSplit
    ? splitName(evaluation.length, all.length, namesOf(files.train))
    : namesOf(files.eval);
  const inEvaluation = isSplit ? 0 : all.length - rest.length;
  if (rest.length === 0) {
    throw new InputError(
      "data-empty",
      `no training rows are left: all ${all.length} texts are evaluation texts, too`,
    );
  }
  if (evaluation.length === 0) {
    throw new InputError(
      "data-too-few",
      `${namesOf(files.train)}: all ${all.length} rows have the same text, so none can be set aside to choose the epoch by; add rows, or name a file with --eval`,
    );
  }
  return { train: atMost(rest, spec, note), evaluation, evaluationName, inEvaluation };
}

/** All rows to train on, none to evaluate. */
export const withoutEvaluation = (
  files: readonly Dataset[],
  spec: TaskSpec,
  note: (line: string) => void,
): Divided => ({
  train: atMost(
    files.flatMap(({ examples }) => examples),
    spec,
    note,
  ),
  evaluation: [],
  evaluationName: namesOf(files),
  inEvaluation: 0,
});

/** As many rows as `max_rows` allows. */
function atMost(
  rows: readonly Example[],
  { max_rows: most = Infinity, seed = 0 }: TaskSpec,
  note: (line: string) => void,
): readonly Example[] {
  if (most >= rows.length) return rows;
  note(`training on ${most} of ${rows.length} rows (--max-rows)`);
  return someRows(rows, most, derive(keyOf(seed), "rows"));
}

const namesOf = (datasets: readonly Dataset[]): string =>
  datasets.map(({ name }) => name).join(", ");

/** Folds of the training rows. As many are run as it takes to judge by a hundred rows. */
export function foldsToRun(
  train: readonly Example[],
  kind: { readonly type: TaskType; readonly problemType: ProblemType },
  seed: number,
): readonly Fold[] {
  const [fewest, most] = FOLD_RANGE;
  const folds = Math.min(most, Math.max(fewest, Math.floor(train.length / ENOUGH_HELD)));
  const all = foldsOf(train, { ...kind, folds }, derive(keyOf(seed), "folds"));
  let held = 0;
  return all.filter((fold) => {
    const isNeeded = held < ENOUGH_HELD;
    held += fold.held.length;
    return isNeeded;
  });
}
