/**
 * Which rows are trained on and which are measured on: a split where there is none, and no text on
 * both sides, which would flatter the result.
 */
import type { Example } from "./read.ts";
import { permutation } from "../random.ts";
import type { Key } from "../random.ts";

/** Share of the rows kept for evaluation when there is no evaluation file, and its bound. */
const SPLIT_SHARE = 0.1;
const MAX_SPLIT_ROWS = 2_000;

/** Equal texts have equal keys. */
export const keyOfText = ({ text, pair }: Example): string => `${text}\u0000${pair ?? ""}`;

/** Keeps a random share of the texts for evaluation; equal texts stay on one side. */
export function splitRows(
  examples: readonly Example[],
  key: Key,
): { train: Example[]; evaluation: Example[] } {
  const groups = [...Map.groupBy(examples, keyOfText).values()];
  const wanted = Math.min(MAX_SPLIT_ROWS, Math.max(1, Math.round(examples.length * SPLIT_SHARE)));
  const chosen = new Set<readonly Example[]>();
  let rows = 0;
  for (const i of permutation(key, groups.length)) {
    if (rows >= wanted || chosen.size === groups.length - 1) break;
    chosen.add(groups[i]!);
    rows += groups[i]!.length;
  }
  return {
    train: groups.filter((group) => !chosen.has(group)).flat(),
    evaluation: groups.filter((group) => chosen.has(group)).flat(),
  };
}

/** What a split is called: `10 % of reviews.csv`, less where its rows are bounded. */
export function splitName(rows: number, allRows: number, of: string): string {
  const percent = (100 * rows) / allRows;
  return `${percent < 1 ? percent.toFixed(1) : Math.round(percent)} % of ${of}`;
}

/** Training rows whose text is no evaluation text. */
export function withoutTextsOf(
  train: readonly Example[],
  evaluation: readonly Example[],
): readonly Example[] {
  const texts = new Set(evaluation.map(keyOfText));
  return train.filter((example) => !texts.has(keyOfText(example)));
}

/** A random choice of `count` rows, in their order. */
export const someRows = (
  examples: readonly Example[],
  count: number,
  key: Key,
): readonly Example[] =>
  [...permutation(key, examples.length).slice(0, count).sort()].map((i) => examples[i]!);
