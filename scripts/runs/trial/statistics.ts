/** What a few seeds say of a method: the mean of their scores and how sure that is. */

export interface MeanScore {
  readonly mean: number;
  /** 95 % confidence interval of the mean over seeds (Student's t); null for a single seed. */
  readonly interval: readonly [low: number, high: number] | null;
  readonly seeds: number;
}

/** 97.5 % quantiles of Student's t for 1, 2, .. degrees of freedom; beyond them the normal's. */
const T_QUANTILES = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048,
  2.045, 2.042,
];
const NORMAL_QUANTILE = 1.96;

/** Mean and interval of at least one score. */
export function meanScore(scores: readonly number[]): MeanScore {
  const seeds = scores.length;
  const mean = scores.reduce((sum, score) => sum + score, 0) / seeds;
  if (seeds < 2) return { mean, interval: null, seeds };
  const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / (seeds - 1);
  const quantile = T_QUANTILES[seeds - 2] ?? NORMAL_QUANTILE;
  const half = quantile * Math.sqrt(variance / seeds);
  return { mean, interval: [mean - half, mean + half], seeds };
}
