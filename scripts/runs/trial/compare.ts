/** Methods x seeds on one task as plain numbers: the score of each, and the differences between them. */
import type { Method } from "../../../src/learn/methods.ts";
import type { TrialResult } from "./trial-run.ts";
import { boundsOf, meanScore } from "./statistics.ts";
import type { MeanScore } from "./statistics.ts";

/** One finished trial of a comparison. */
export interface Compared {
  readonly method: Method;
  readonly seed: number;
  readonly result: TrialResult;
}

export interface MethodSummary extends MeanScore {
  readonly method: Method;
  /** By seed. */
  readonly scores: readonly number[];
  /**
   * Interval of the mean over seeds, null for two of them; of a single seed its bootstrap interval
   * over rows.
   */
  readonly interval: readonly [low: number, high: number] | null;
  readonly parameters: number;
  readonly bytes: number | null;
  /** Mean training time of a seed. */
  readonly seconds: number;
}

export interface Difference extends MeanScore {
  readonly method: Method;
  readonly reference: Method;
}

/** A line for each method, in their order. */
export function summarize(trials: readonly Compared[]): MethodSummary[] {
  const groups = Map.groupBy(trials, ({ method }) => method);
  return [...groups].map(([method, list]) => {
    const [first] = list as [Compared, ...Compared[]];
    const scores = list.map(({ result }) => result.score);
    const over = meanScore(scores, boundsOf(first.result.metric));
    return {
      method,
      ...over,
      interval: list.length === 1 ? first.result.interval : over.interval,
      scores,
      parameters: first.result.parameters,
      bytes: first.result.bytes,
      seconds: list.reduce((sum, { result }) => sum + result.seconds, 0) / list.length,
    };
  });
}

/**
 * How far each method lies from the best one, seed by seed: seeds share their split and rows, so
 * what they have in common cancels out. Methods without a common seed are left out.
 */
export function differences(trials: readonly Compared[]): Difference[] {
  const summaries = summarize(trials);
  const [best] = summaries.toSorted((a, b) => b.mean - a.mean);
  if (!best) return [];
  const scoreOf = (method: Method, seed: number): number | undefined =>
    trials.find((trial) => trial.method === method && trial.seed === seed)?.result.score;
  return summaries.flatMap(({ method }) => {
    if (method === best.method) return [];
    const gaps = trials
      .filter((trial) => trial.method === method)
      .flatMap(({ seed, result }) => {
        const reference = scoreOf(best.method, seed);
        return reference === undefined ? [] : [result.score - reference];
      });
    return gaps.length === 0 ? [] : [{ method, reference: best.method, ...meanScore(gaps) }];
  });
}
