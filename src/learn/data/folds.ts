/**
 * Cross-validation's folds: every row is held out once, and answered by what the rows of the other folds
 * teach. Labels are spread evenly, equal texts stay together, and a label's only text is never held
 * out, since nothing else could teach it.
 */
import { InputError } from "../../core/errors.ts";
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import { derive, permutation } from "../random.ts";
import type { Key } from "../random.ts";
import { caseless } from "./confusables.ts";
import type { Example } from "./read.ts";

/** One division of the rows into those that train and those that are held out, by their numbers. */
export interface Fold {
  readonly train: readonly number[];
  readonly held: readonly number[];
  /** Folds that the rows were divided into; a run may take only some of them. */
  readonly of: number;
  /** Rows that no fold holds out, each the only text of its label. */
  readonly alone: number;
}

export interface FoldOptions {
  readonly type: TaskType;
  readonly problemType: ProblemType;
  /** How many folds there should be; as many as there are texts to hold out is leave-one-out. */
  readonly folds: number;
}

/** What rows that were measured in folds are called: `reviews.csv, cross-validated in 5 folds`. */
export const foldsName = (folds: number, of: string): string =>
  `${of}, cross-validated in ${folds} folds`;

/** Texts that are equal but for case, blanks and quotes; near enough to give each other away. */
export const nearKeyOf = ({ text, pair }: Example): string =>
  `${caseless(text)}\u0000${pair === undefined ? "" : caseless(pair)}`;

/** Rows with one text. */
interface Group {
  readonly rows: readonly number[];
  readonly stratum: string;
}

/**
 * At most `folds` folds of nearly equal size; the same key gives the same ones. Throws InputError
 * `data-too-few` where fewer than two texts can be held out.
 */
export function foldsOf(examples: readonly Example[], options: FoldOptions, key: Key): Fold[] {
  const groups = groupsOf(examples, options);
  const count = Math.min(options.folds, groups.length);
  if (count < 2) {
    throw new InputError(
      "data-too-few",
      `${examples.length} rows: no label has two different texts, so none can be set aside to measure with; add rows, or name a file with --eval`,
    );
  }
  const held = Array.from({ length: count }, (): number[] => []);
  let next = 0;
  const strata = [...Map.groupBy(groups, ({ stratum }) => stratum).values()];
  for (const [i, members] of strata.entries()) {
    // The next stratum goes on where this one ended, so that folds are of nearly equal size.
    for (const at of permutation(derive(key, "folds", i), members.length)) {
      held[next++ % count]!.push(...members[at]!.rows);
    }
  }
  const alone = examples.length - held.flat().length;
  return held.map((rows) => {
    const isHeld = new Set(rows);
    return {
      train: [...examples.keys()].filter((row) => !isHeld.has(row)),
      held: rows.toSorted((a, b) => a - b),
      of: count,
      alone,
    };
  });
}

/** The texts that may be held out, each in the stratum of its rarest label. */
function groupsOf(
  examples: readonly Example[],
  { type, problemType }: FoldOptions,
): readonly Group[] {
  const texts = [...Map.groupBy(examples.keys(), (row) => nearKeyOf(examples[row]!)).values()];
  if (problemType === "regression") return byValue(examples, texts);
  const labels = texts.map((rows) => new Set(rows.flatMap((row) => namesOf(examples[row]!, type))));
  const counts = new Map<string, number>();
  for (const names of labels) {
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const countOf = (name: string): number => counts.get(name)!;
  const isOnlyOne = (names: ReadonlySet<string>): boolean =>
    type === "sequence" &&
    problemType === "single_label_classification" &&
    [...names].some((name) => countOf(name) === 1);
  return texts.flatMap((rows, i) => {
    const names = labels[i]!;
    if (isOnlyOne(names)) return [];
    const [rarest = ""] = [...names].sort((a, b) => countOf(a) - countOf(b) || (a < b ? -1 : 1));
    return [{ rows, stratum: rarest }];
  });
}

/** Of tags the entity types; a sentence without any is a kind of its own. */
const namesOf = ({ labels }: Example, type: TaskType): readonly string[] =>
  type === "token"
    ? labels.filter((tag) => tag !== "O").map((tag) => tag.replace(/^[A-Z]-/, ""))
    : labels;

/** Neighbours in value that are dealt out together. */
const VALUES_A_STRATUM = 10;

/** Numbers: small, middle and large ones in every fold. */
function byValue(examples: readonly Example[], texts: readonly (readonly number[])[]): Group[] {
  const valueOf = ([row]: readonly number[]): number => Number(examples[row!]!.labels[0]);
  return texts
    .toSorted((a, b) => valueOf(a) - valueOf(b))
    .map((rows, rank) => ({ rows, stratum: String(Math.floor(rank / VALUES_A_STRATUM)) }));
}
