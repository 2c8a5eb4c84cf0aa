/**
 * Labels as a score for each: a distribution as people get it from a larger model, in place of one
 * label. Scores are divided by their sum, so probabilities, percentages and counts of votes read alike.
 */
import { describe } from "../../core/record.ts";
import { WrittenNumber } from "./json-labels.ts";

/** Labels with their shares in a row's truth, in the file's order; the shares sum to 1. */
export type Shares = readonly (readonly [label: string, share: number])[];

/**
 * The labels and scores of a JSON value: an object from label to score, or a list of `{label, score}`
 * as pipelines of transformers answer. Null where the value is no such thing, a string for what is
 * wrong with it.
 */
export function scoresOf(value: unknown): Shares | string | null {
  const pairs = pairsOf(value);
  if (pairs === null) return null;
  if (pairs.length === 0) return "has no label; expected a score for each label";
  const scores: [string, number][] = [];
  let sum = 0;
  for (const [label, given] of pairs) {
    const score = given instanceof WrittenNumber ? Number(given.text) : given;
    const what = `the score of ${JSON.stringify(label)}`;
    if (typeof score !== "number") return `${what} is ${describe(score)}, expected a number`;
    if (!Number.isFinite(score)) return `${what} is not finite`;
    if (score < 0) return `${what} is ${score}; expected scores from 0 on, as softmax gives them`;
    scores.push([label, score]);
    sum += score;
  }
  if (sum === 0) return "the scores of all labels are 0; expected one above 0";
  if (!Number.isFinite(sum)) return "the sum of the scores is not finite";
  return scores;
}

function pairsOf(value: unknown): (readonly [string, unknown])[] | null {
  if (typeof value !== "object" || value === null || value instanceof WrittenNumber) return null;
  if (!Array.isArray(value)) return Object.entries(value);
  const pairs = value.map((item: unknown) =>
    typeof item === "object" && item !== null && "label" in item && "score" in item
      ? ([item.label, item.score] as const)
      : null,
  );
  const isWhole = pairs.every(
    (pair): pair is readonly [string, unknown] => typeof pair?.[0] === "string",
  );
  return isWhole && pairs.length > 0 ? pairs : null;
}

/**
 * Scores under the names of a label map, divided by their sum. Labels of one name are added up. Null
 * where the map drops all that has a score.
 */
export function sharesOf(scores: Shares, nameOf: (label: string) => string | null): Shares | null {
  const sums = new Map<string, number>();
  let total = 0;
  for (const [label, score] of scores) {
    const name = nameOf(label);
    if (name === null) continue;
    sums.set(name, (sums.get(name) ?? 0) + score);
    total += score;
  }
  return total === 0 ? null : [...sums].map(([name, sum]) => [name, sum / total] as const);
}

/** The label with the largest share; of equal ones the first. */
export const largestOf = (shares: Shares): string =>
  shares.reduce((best, next) => (next[1] > best[1] ? next : best))[0];
