/**
 * Labels as a score for each: a distribution as people get it from a larger model, in place of one
 * label. Where one label holds they are divided by their sum, so probabilities, percentages and votes read alike.
 */
import { describe } from "../../core/record.ts";
import { WrittenNumber } from "./json-labels.ts";

/** Labels with their scores, or with their shares in a row's truth, which sum to 1; in the file's order. */
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
  for (const [label, given] of pairs) {
    const score = given instanceof WrittenNumber ? Number(given.text) : given;
    const what = `the score of ${JSON.stringify(label)}`;
    if (typeof score !== "number") return `${what} is ${describe(score)}, expected a number`;
    if (!Number.isFinite(score)) return `${what} is not finite`;
    if (score < 0) return `${what} is ${score}; expected scores from 0 on, as softmax gives them`;
    scores.push([label, score]);
  }
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

/** The name of a label of the file; null where it is dropped. */
type Namer = (label: string) => string | null;

/** Labels with their scores, as a row is read; null where all are dropped, a string for what is wrong. */
type Scored = { readonly labels: readonly string[]; readonly shares: Shares } | string | null;

/**
 * Scores of which one label holds: divided by their sum, the largest as the label, of equal ones the first.
 * Those of one name are added up, since only one of them can hold.
 */
export function sharedLabels(scores: Shares, nameOf: Namer): Scored {
  const named = byName(scores, nameOf, (a, b) => a + b);
  const sum = named.reduce((total, [, score]) => total + score, 0);
  if (named.length === 0) return null;
  if (sum === 0) return "the scores of all labels are 0; expected one above 0";
  if (!Number.isFinite(sum)) return "the sum of the scores is not finite";
  const shares = named.map(([name, score]) => [name, score / sum] as const);
  const [largest] = shares.reduce((best, next) => (next[1] > best[1] ? next : best));
  return { labels: [largest], shares };
}

/**
 * Scores of which several may hold: each between 0 and 1, and a label from a half on. Of those of one name
 * the largest is taken: they may all hold at once, so their sum is no score.
 */
export function scoredLabels(scores: Shares, nameOf: Namer): Scored {
  const named = byName(scores, nameOf, Math.max);
  if (named.length === 0) return null;
  const large = named.find(([, score]) => score > 1);
  if (large) {
    return `the score of ${JSON.stringify(large[0])} is ${large[1]}; expected at most 1 where several labels may hold`;
  }
  return { labels: named.flatMap(([name, score]) => (score >= 0.5 ? [name] : [])), shares: named };
}

/** Scores under their names; `join` makes one of those of one name. */
function byName(
  scores: Shares,
  nameOf: Namer,
  join: (a: number, b: number) => number,
): (readonly [string, number])[] {
  const joined = new Map<string, number>();
  for (const [label, score] of scores) {
    const name = nameOf(label);
    if (name !== null) joined.set(name, join(joined.get(name) ?? 0, score));
  }
  return [...joined];
}
