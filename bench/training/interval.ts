/** How sure the ratio of two totals is, when both were measured in blocks. */
import { keyOf, uniforms } from "../../src/learn/random.ts";
import { quantile, sum } from "../stats.ts";

const RESAMPLES = 2_000;

export interface Interval {
  readonly value: number;
  /** Bounds of the central 90 %. */
  readonly low: number;
  readonly high: number;
}

/**
 * sum(a) / sum(b) with bootstrap bounds: rounds are drawn with replacement, a's and b's block of a
 * round together, since both met the same state of the machine.
 */
export function interval(a: readonly number[], b: readonly number[]): Interval {
  const random = uniforms(keyOf(1));
  const draw = (): number => {
    const rounds = a.map(() => Math.floor(random() * a.length));
    return sum(rounds.map((round) => a[round]!)) / sum(rounds.map((round) => b[round]!));
  };
  const values = Array.from({ length: RESAMPLES }, draw);
  return { value: sum(a) / sum(b), low: quantile(values, 0.05), high: quantile(values, 0.95) };
}
