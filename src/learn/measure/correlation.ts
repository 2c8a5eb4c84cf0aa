/**
 * How well numbers are predicted: Pearson's and Spearman's correlation as scipy.stats computes them
 * (0 where a side is constant, where scipy has NaN), and the mean absolute error.
 */

export interface RegressionMetrics {
  readonly spearman: number;
  readonly pearson: number;
  /** In the unit of the labels. */
  readonly mean_absolute_error: number;
  readonly rows: number;
  /** There are no classes to list. */
  readonly labels: readonly [];
}

export function regressionMetrics(
  truth: readonly number[],
  predicted: readonly number[],
): RegressionMetrics {
  const off = truth.reduce((sum, value, row) => sum + Math.abs(value - predicted[row]!), 0);
  return {
    spearman: spearman(truth, predicted),
    pearson: pearson(truth, predicted),
    mean_absolute_error: truth.length === 0 ? 0 : off / truth.length,
    rows: truth.length,
    labels: [],
  };
}

/** Pearson's correlation of the ranks; equal values share the mean of their ranks. */
export const spearman = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  pearson(ranksOf(a), ranksOf(b));

/** Linear correlation of two equally long lists. */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [meanA, meanB] = [meanOf(a), meanOf(b)];
  let [both, ownA, ownB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB];
    both += x * y;
    ownA += x * x;
    ownB += y * y;
  }
  return ownA === 0 || ownB === 0 ? 0 : both / Math.sqrt(ownA * ownB);
}

function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** Ranks from 1. */
function ranksOf(values: ArrayLike<number>): Float64Array {
  const order = Int32Array.from({ length: values.length }, (_, i) => i).sort(
    (i, j) => values[i]! - values[j]!,
  );
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end += 1;
    for (let i = start; i < end; i++) ranks[order[i]!] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}
