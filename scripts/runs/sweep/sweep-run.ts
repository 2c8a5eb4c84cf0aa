/**
 * A sweep over prompt length and learning rate: the plan's rungs, run by run. The function that makes
 * a run is a parameter: the same scores give the same choice.
 */
import { hasVirtualTokens, methodDefaults } from "../../../src/learn/methods.ts";
import type { Method } from "../../../src/learn/methods.ts";
import type { SweepCell, SweepFacts } from "../../../src/report/facts.ts";
import { meanScore } from "../trial/statistics.ts";
import type { MeanScore } from "../trial/statistics.ts";
import { planCompute, survivors } from "./plan.ts";
import type { Rung } from "./plan.ts";
import type { TaskType } from "../../../src/core/model/task.ts";

/** One pair of settings. */
export interface Candidate {
  /** P; 0 for a method without virtual tokens. */
  readonly numVirtualTokens: number;
  readonly learningRate: number;
}

/** A run that the sweep asks for. */
export interface SweepRun extends Candidate {
  readonly seed: number;
  /** Share of a full run's steps. */
  readonly budget: number;
}

/** The result of a candidate in its last rung. */
export interface Standing extends Candidate, MeanScore {
  /** By seed. */
  readonly scores: readonly number[];
  readonly rung: number; // from 0
  readonly budget: number;
}

export interface SweepOutcome {
  readonly chosen: Standing;
  /** In the order of the candidates. */
  readonly standings: readonly Standing[];
  readonly reason: string;
  /** Full runs' worth of steps that were made. */
  readonly compute: number;
}

/** Classification needs few virtual tokens, labelling the longer prefixes of the paper. */
const LENGTHS: Readonly<Record<TaskType, readonly number[]>> = {
  sequence: [8, 16, 32, 64],
  token: [16, 32, 64, 128],
};
/** Around the method's own rate: half a decade down and up. */
const RATE_FACTORS = [0.3, 1, 3];

/** The pairs of a sweep; what is not asked for follows from method and type. */
export function candidatesOf(
  method: Method,
  type: TaskType,
  asked: { readonly lengths?: readonly number[]; readonly rates?: readonly number[] },
): Candidate[] {
  const lengths = hasVirtualTokens(method) ? (asked.lengths ?? LENGTHS[type]) : [0];
  const rate = methodDefaults(method).learning_rate;
  const rates = asked.rates ?? RATE_FACTORS.map((factor) => Number((factor * rate).toPrecision(2)));
  return lengths.flatMap((numVirtualTokens) =>
    rates.map((learningRate) => ({ numVirtualTokens, learningRate })),
  );
}

/** Runs the rungs; null when a run was interrupted (`score` returned null). */
export async function sweep(
  candidates: readonly Candidate[],
  rungs: readonly Rung[],
  score: (run: SweepRun) => Promise<number | null>,
): Promise<SweepOutcome | null> {
  const standings: Standing[] = [];
  let left = candidates.map((_, i) => i);
  for (const [rung, { seeds, budget }] of rungs.entries()) {
    for (const i of left) {
      const scores: number[] = [];
      for (let seed = 0; seed < seeds; seed++) {
        const found = await score({ ...candidates[i]!, seed, budget });
        if (found === null) return null;
        scores.push(found);
      }
      standings[i] = { ...candidates[i]!, ...meanScore(scores), scores, rung, budget };
    }
    const next = rungs[rung + 1]?.candidates ?? left.length;
    left = survivors(
      left.map((candidate) => ({ candidate, score: standings[candidate]!.mean })),
      next,
    );
  }
  const [first, second] = left.map((i) => standings[i]!) as [Standing, Standing];
  const compute = planCompute(rungs);
  return { chosen: first, standings, reason: reasonFor(first, second, candidates.length), compute };
}

/**
 * Why the first of two finalists was taken, in a sentence. They are compared seed by seed: runs of
 * one seed share their rows, so what a seed makes easy or hard for both cancels out.
 */
function reasonFor(first: Standing, second: Standing, candidates: number): string {
  const percent = (share: number): string => (100 * share).toFixed(1);
  const seeds = first.seeds === 1 ? "one seed" : `the mean of ${first.seeds} seeds`;
  const gap = meanScore(first.scores.map((score, seed) => score - second.scores[seed]!));
  const isClear = gap.interval !== null && gap.interval[0] > 0;
  const sure = isClear
    ? "beyond what seeds explain"
    : "no more than seeds may explain: either will do";
  return `${nameOf(first)} came first of ${candidates} with ${percent(first.mean)} (${seeds}), ${percent(gap.mean)} points ahead of ${nameOf(second)}, ${sure}`;
}

/** `16 virtual tokens at 0.01`. */
export const nameOf = ({ numVirtualTokens, learningRate }: Candidate): string =>
  numVirtualTokens === 0
    ? `a learning rate of ${learningRate}`
    : `${numVirtualTokens} virtual tokens at ${learningRate}`;

/** The sweep as the report draws it. */
export function sweepFacts(
  { chosen, standings, reason }: SweepOutcome,
  scoreName: string,
): SweepFacts {
  const cells = standings.map(
    ({ numVirtualTokens, learningRate, mean, interval, seeds, budget }): SweepCell => ({
      numVirtualTokens,
      learningRate,
      score: mean,
      ...(interval && { interval }),
      seeds,
      budget,
    }),
  );
  const { numVirtualTokens, learningRate } = chosen;
  return { scoreName, cells, chosen: { numVirtualTokens, learningRate }, reason };
}
