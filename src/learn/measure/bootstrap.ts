/**
 * The interval of a score by the percentile bootstrap (Efron): as many rows as there are are drawn with
 * replacement and scored, a thousand times; the middle 95 % of those scores is the interval.
 * Sentences are drawn whole, since the words of one are not independent.
 */
import { uniforms } from "../random.ts";
import type { Key } from "../random.ts";

export interface Interval {
  readonly low: number;
  readonly high: number;
  /** The share of resampled scores between `low` and `high`. */
  readonly level: number;
  readonly resamples: number;
}

/** Two decimals of a percentage are stable from about this many on. */
const RESAMPLES = 1_000;
const LEVEL = 0.95;

/**
 * The intervals of several scores over resampled row numbers, by name. The same key gives the same
 * draws, and with them the same intervals. `scores` must not keep the array it is handed: the next
 * draw overwrites it. Of no rows, every interval is that of the one score there is.
 */
export function bootstrapAll<Name extends string>(
  rows: number,
  scores: (sample: Int32Array) => Readonly<Record<Name, number>>,
  key: Key,
  { resamples = RESAMPLES, level = LEVEL } = {},
): Record<Name, Interval> {
  const random = uniforms(key);
  const sample = new Int32Array(rows);
  const drawn: Readonly<Record<Name, number>>[] = [];
  for (let i = 0; i < resamples; i++) {
    for (let r = 0; r < rows; r++) sample[r] = Math.floor(random() * rows);
    drawn.push(scores(sample));
  }
  const tail = (1 - level) / 2;
  const intervalOf = (name: Name): Interval => {
    const sorted = Float64Array.from(drawn, (scores) => scores[name]).sort();
    return { low: quantile(sorted, tail), high: quantile(sorted, 1 - tail), level, resamples };
  };
  const names = Object.keys(drawn[0]!) as Name[];
  return Object.fromEntries(names.map((name) => [name, intervalOf(name)])) as Record<
    Name,
    Interval
  >;
}

/** Quantile of sorted values, linear between neighbours, as numpy's default. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below] ?? 0;
  const high = sorted[below + 1] ?? low;
  return low + (at - below) * (high - low);
}
