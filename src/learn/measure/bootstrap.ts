/**
 * How sure is a score? The percentile bootstrap (Efron): draw as many rows as there are, with
 * replacement, score them, a thousand times over; the middle 95 % of those scores is the interval.
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
export const RESAMPLES = 1_000;
export const LEVEL = 0.95;

/**
 * The interval of `score` over resampled row numbers; the same key gives the same interval. `score`
 * must not keep the array it is handed: the next draw overwrites it.
 */
export function bootstrap(
  rows: number,
  score: (sample: Int32Array) => number,
  key: Key,
  { resamples = RESAMPLES, level = LEVEL } = {},
): Interval {
  const random = uniforms(key);
  const sample = new Int32Array(rows);
  const scores = new Float64Array(resamples);
  for (let i = 0; i < resamples; i++) {
    for (let r = 0; r < rows; r++) sample[r] = Math.floor(random() * rows);
    scores[i] = score(sample);
  }
  scores.sort();
  const tail = (1 - level) / 2;
  return { low: quantile(scores, tail), high: quantile(scores, 1 - tail), level, resamples };
}

/** Quantile of sorted values, linear between neighbours, as numpy's default. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below] ?? 0;
  const high = sorted[below + 1] ?? low;
  return low + (at - below) * (high - low);
}

/** Score of a sample from sums of per-row counts: `counts[k][row]` summed, then `score(sums)`. */
export function scoreOfSums(
  counts: readonly Float64Array[],
  score: (sums: readonly number[]) => number,
): (sample: Int32Array) => number {
  return (sample) =>
    score(
      counts.map((column) => {
        let sum = 0;
        for (const row of sample) sum += column[row]!;
        return sum;
      }),
    );
}
