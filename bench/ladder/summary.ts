/**
 * What finished cells say together: how contenders compare on the same draws, whether a curve goes down
 * as rows are added, and whether a task's own score is true. Differences are of cells of one draw.
 */
import { meanScore } from "../../scripts/runs/trial/statistics.ts";
import type { MeanScore } from "../../scripts/runs/trial/statistics.ts";
import type { TaskType } from "../../src/core/model/task.ts";
import { median } from "../stats.ts";
import { CONTENDERS, countsOf } from "./plan.ts";
import type { Contender } from "./plan.ts";
import type { LadderResult } from "./results.ts";
import { SETS, SET_IDS } from "./sets.ts";
import type { SetId } from "./sets.ts";

/** The cells of one contender at one place of the ladder, by their draws. */
export function cellsAt(
  results: readonly LadderResult[],
  at: { readonly set: SetId; readonly rows: number; readonly contender: Contender },
): LadderResult[] {
  return results
    .filter(({ set, rows, contender }) => {
      return set === at.set && rows === at.rows && contender === at.contender;
    })
    .toSorted((a, b) => a.draw - b.draw);
}

/** A number of rows that sets have in common: rows a class, rows in all, or sentences with tags. */
export interface Rung {
  readonly type: TaskType;
  readonly rows: number;
}

const RUNGS: readonly Rung[] = (["sequence", "token"] as const).flatMap((type) => {
  const counts = SET_IDS.filter((set) => SETS[set].type === type).flatMap(countsOf);
  return [...new Set(counts)].map((rows) => ({ type, rows }));
});
const setsOf = ({ type }: Rung): SetId[] => SET_IDS.filter((set) => SETS[set].type === type);

/** The draws of a set that both contenders have. */
export interface SetDifference {
  readonly set: SetId;
  readonly draws: number;
  readonly difference: number;
  /** 95 % interval of the mean over draws; null of fewer than three. */
  readonly interval: readonly [low: number, high: number] | null;
}

/** `train` against another contender on one rung, sets taken alike. */
export interface Comparison extends Rung {
  readonly against: Contender;
  /** Mean over the sets, in shares. */
  readonly difference: number;
  /** The worst one first. */
  readonly sets: readonly SetDifference[];
  /** Time of `train` to that of the other. */
  readonly seconds_ratio: { readonly median: number; readonly max: number };
}

/** Two cells of one draw. */
type Pair = readonly [ours: LadderResult, other: LadderResult];

function pairsOf(ours: readonly LadderResult[], others: readonly LadderResult[]): Pair[] {
  return ours.flatMap((cell) => {
    const other = others.find(({ draw }) => draw === cell.draw);
    return other ? [[cell, other] as const] : [];
  });
}

const differences = (pairs: readonly Pair[]): MeanScore =>
  meanScore(pairs.map(([ours, other]) => ours.score - other.score));

/** Every comparison of `train` for which there are cells. */
export const comparisons = (results: readonly LadderResult[]): Comparison[] =>
  CONTENDERS.filter((contender) => contender !== "train" && contender !== "full").flatMap(
    (against) => RUNGS.flatMap((rung) => compare(results, rung, against) ?? []),
  );

/** Null where no draw has both contenders. */
function compare(
  results: readonly LadderResult[],
  rung: Rung,
  against: Contender,
): Comparison | null {
  const { rows } = rung;
  const measured = setsOf(rung).flatMap((set) => {
    const at = (contender: Contender) => cellsAt(results, { set, rows, contender });
    const pairs = pairsOf(at("train"), at(against));
    return pairs.length > 0 ? [{ set, pairs, ...differences(pairs) }] : [];
  });
  if (measured.length === 0) return null;
  const sets = measured.map(({ set, pairs, mean, interval }): SetDifference => {
    return { set, draws: pairs.length, difference: mean, interval };
  });
  const ratios = measured.flatMap(({ pairs }) =>
    pairs.map(([ours, other]) => ours.seconds / other.seconds),
  );
  return {
    ...rung,
    against,
    difference: meanScore(sets.map(({ difference }) => difference)).mean,
    sets: sets.toSorted((a, b) => a.difference - b.difference),
    seconds_ratio: { median: median(ratios), max: Math.max(...ratios) },
  };
}

/** From one number of rows of a set to the next one that was measured. */
export interface Step {
  readonly set: SetId;
  readonly from: number;
  readonly to: number;
  readonly difference: number;
  /** 95 % interval of the difference. */
  readonly interval: readonly [low: number, high: number];
}

/** The steps of `train`'s curves from one number of rows in all to the next. */
export function stepsOf(results: readonly LadderResult[]): Step[] {
  return SET_IDS.flatMap((set) => {
    const places = countsOf(set)
      .map((rows) => ({ rows, cells: cellsAt(results, { set, rows, contender: "train" }) }))
      .filter(({ cells }) => cells.length > 0)
      .sort((a, b) => a.cells[0]!.train_rows - b.cells[0]!.train_rows);
    return places.slice(1).flatMap(({ rows: to, cells }, i) => {
      const { rows: from, cells: before } = places[i]!;
      const pairs = pairsOf(cells, before);
      if (pairs.length === 0) return [];
      const { mean: difference, interval } = differences(pairs);
      return { set, from, to, difference, interval: interval ?? testInterval(pairs, difference) };
    });
  });
}

/** Of too few draws: as if the two scores were of test rows of their own, which is too wide. */
function testInterval(pairs: readonly Pair[], difference: number): readonly [number, number] {
  const halves = pairs[0]!.map(({ interval: [low, high] }) => (high - low) / 2);
  const half = Math.hypot(...halves);
  return [difference - half, difference + half];
}

/** Of how many draws the score on the test rows lies within the interval that the task itself reports. */
export interface Honesty extends Rung {
  readonly draws: number;
  readonly inside: number;
}

export function honesty(results: readonly LadderResult[]): Honesty[] {
  const isInside = ({ score, reported }: LadderResult): boolean =>
    reported !== null && reported.interval[0] <= score && score <= reported.interval[1];
  return RUNGS.flatMap((rung) => {
    const { rows } = rung;
    const cells = setsOf(rung).flatMap((set) =>
      cellsAt(results, { set, rows, contender: "train" }).filter(({ reported }) => reported),
    );
    const inside = cells.filter(isInside).length;
    return cells.length === 0 ? [] : { ...rung, draws: cells.length, inside };
  });
}

export interface Summary {
  readonly comparisons: readonly Comparison[];
  readonly steps: readonly Step[];
  readonly reported: readonly Honesty[];
  /** Of the largest task that `train` made; null without one. */
  readonly max_bytes: number | null;
}

export function summaryOf(results: readonly LadderResult[]): Summary {
  const sizes = results.filter(({ contender }) => contender === "train").map(({ bytes }) => bytes);
  return {
    comparisons: comparisons(results),
    steps: stepsOf(results),
    reported: honesty(results),
    max_bytes: sizes.length === 0 ? null : Math.max(...sizes),
  };
}
