/** The mean of the scores of a few seeds, and its confidence interval. */

export interface MeanScore {
  readonly mean: number;
  /** 95 % confidence interval of the mean over seeds (Student's t); null for fewer than three. */
  readonly interval: readonly [low: number, high: number] | null;
  readonly seeds: number;
}

/**
 * Two scores say next to nothing of how far scores scatter: Student's interval of two is 12.7 times
 * as wide as the half of their distance, which for accuracies mostly covers more than all there is.
 */
const ENOUGH_SEEDS = 3;

/** 97.5 % quantiles of Student's t for 1, 2, .. degrees of freedom; beyond them the normal's. */
const T_QUANTILES = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048,
  2.045, 2.042,
];
const NORMAL_QUANTILE = 1.96;

/**
 * Mean and interval of at least one score. The interval ends at `least` and `most`, the bounds of what
 * is averaged: by default those of a correlation, or of the difference of two shares.
 */
export function meanScore(
  scores: readonly number[],
  [least, most]: readonly [least: number, most: number] = [-1, 1],
): MeanScore {
  const seeds = scores.length;
  const mean = scores.reduce((sum, score) => sum + score, 0) / seeds;
  if (seeds < ENOUGH_SEEDS) return { mean, interval: null, seeds };
  const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / (seeds - 1);
  const quantile = T_QUANTILES[seeds - 2] ?? NORMAL_QUANTILE;
  const half = quantile * Math.sqrt(variance / seeds);
  const interval = [Math.max(least, mean - half), Math.min(most, mean + half)] as const;
  return { mean, interval, seeds };
}

/** The bounds of a metric: a correlation can be negative, everything else is a share. */
export const boundsOf = (metric: string): readonly [least: number, most: number] =>
  metric === "spearman" ? [-1, 1] : [0, 1];
