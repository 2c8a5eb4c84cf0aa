/**
 * The interval of a score by the percentile bootstrap (Efron): as many rows as there are are drawn with
 * replacement and scored, a thousand times; the middle 95 % of those scores is the interval.
 * Sentences are drawn whole, since the words of one are not independent. Few rows get a wider interval,
 * by the deviation of those scores.
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

/** From so many rows on the resampled scores themselves are the interval. */
export const ENOUGH_ROWS = 100;
/** Two decimals of a percentage are stable from about this many on. */
const RESAMPLES = 1_000;
const LEVEL = 0.95;
/** Deviations of a normal distribution between which LEVEL of it lies. */
const DEVIATIONS = 1.959964;

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
  const tail = (1 - level) / 2;
  return eachScore(resampled(rows, scores, key, resamples), (drawn) => {
    const sorted = drawn.sort();
    return { low: quantile(sorted, tail), high: quantile(sorted, 1 - tail), level, resamples };
  });
}

/**
 * Intervals for few rows, whose resampled scores are too alike: of 20 right answers every resample
 * scores 1. From the deviation of the resampled scores follows how many independent answers a score is
 * worth, and from these its 95 % Wilson interval, which for accuracy is the usual one. `inflation` is the
 * factor by which the variance is larger than the rows show. Scores lie between `lowest` and 1.
 */
export function wilsonAll<Name extends string>(
  rows: number,
  scores: (sample: Int32Array) => Readonly<Record<Name, number>>,
  key: Key,
  { inflation, lowest }: { inflation: number; lowest: (name: Name) => number },
): Record<Name, Interval> {
  const whole = scores(Int32Array.from({ length: rows }, (_, row) => row));
  return eachScore(resampled(rows, scores, key, RESAMPLES), (drawn, name) => {
    const start = lowest(name);
    const share = Math.min(1, Math.max(0, (whole[name] - start) / (1 - start)));
    const variance = varianceOf(drawn) / (1 - start) ** 2;
    const binomial = share * (1 - share);
    const answers = (variance > 0 && binomial > 0 ? binomial / variance : rows) / inflation;
    const [low, high] = wilson(share, Math.max(1, answers));
    const scaled = (value: number): number => start + (1 - start) * value;
    return { low: scaled(low), high: scaled(high), level: LEVEL, resamples: RESAMPLES };
  });
}

/** Bounds of a share that was seen in so many independent answers (Wilson, 1927). */
function wilson(share: number, answers: number): [low: number, high: number] {
  const square = DEVIATIONS ** 2 / answers;
  const middle = (share + square / 2) / (1 + square);
  const half =
    (DEVIATIONS * Math.sqrt((share * (1 - share)) / answers + square / answers / 4)) / (1 + square);
  // The share itself is inside, whatever was rounded.
  return [Math.min(share, Math.max(0, middle - half)), Math.max(share, Math.min(1, middle + half))];
}

/** The scores of many draws of the rows. */
function resampled<Scores>(
  rows: number,
  scores: (sample: Int32Array) => Scores,
  key: Key,
  resamples: number,
): Scores[] {
  const random = uniforms(key);
  const sample = new Int32Array(rows);
  return Array.from({ length: resamples }, () => {
    for (let r = 0; r < rows; r++) sample[r] = Math.floor(random() * rows);
    return scores(sample);
  });
}

function eachScore<Name extends string>(
  drawn: readonly Readonly<Record<Name, number>>[],
  intervalOf: (drawn: Float64Array, name: Name) => Interval,
): Record<Name, Interval> {
  const names = Object.keys(drawn[0]!) as Name[];
  return Object.fromEntries(
    names.map((name) => [
      name,
      intervalOf(
        Float64Array.from(drawn, (scores) => scores[name]),
        name,
      ),
    ]),
  ) as Record<Name, Interval>;
}

function varianceOf(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
}

/** Quantile of sorted values, linear between neighbours, as numpy's default. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below] ?? 0;
  const high = sorted[below + 1] ?? low;
  return low + (at - below) * (high - low);
}
