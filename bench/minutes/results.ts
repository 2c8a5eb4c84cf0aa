/** Finished cells of `bench minutes` as JSON files in bench/results/minutes. */
import { readCell, readCells, writeCell } from "../cell-files.ts";
import type { Provenance } from "../provenance.ts";
import { CONTENDERS, SET_IDS, cellName } from "./plan.ts";
import type { Cell } from "./plan.ts";

export const RESULTS = new URL("../results/minutes/", import.meta.url).pathname;

/** How far below the best score of a run counts as there: half a point. */
export const NEAR = 0.005;

/** Time of training; measurements of the score between steps are left out. */
export interface Spent {
  readonly seconds: number;
  /** Of all threads: what to compare where a machine has other work beside. */
  readonly cpu_seconds: number;
}

/** The score after some steps. */
export interface CurvePoint extends Spent {
  readonly step: number;
  readonly score: number;
}

/** What a contender made of the rows; fields are named as in the JSON files that keep it. */
export interface Outcome {
  /** accuracy or f1: what every `score` is, on the held-out rows. */
  readonly metric: string;
  readonly curve: readonly CurvePoint[];
  /** From the model on disk to the first step. */
  readonly setup: Spent;
  readonly rows: { readonly train: number; readonly evaluation: number };
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface MinutesResult extends Cell, Outcome, Provenance {
  readonly bench: "minutes";
  readonly title: string;
  readonly threads: number;
  readonly base: { readonly name: string; readonly identity: string } | null;
  /** Best score of the run. */
  readonly best: number;
  /** The first measurement that is at most half a point below it. */
  readonly reached: CurvePoint;
  /** Mean number of busy processes over the last 15 minutes: what `seconds` has to be read with. */
  readonly load: number;
}

/** The best score of a curve, and where the curve first comes near it. */
export function reachedOf(curve: readonly CurvePoint[]): Pick<MinutesResult, "best" | "reached"> {
  const best = Math.max(...curve.map(({ score }) => score));
  // A score of 0.905 is within half a point of 0.91 although the difference is more in binary.
  const reached = curve.find(({ score }) => score >= best - NEAR - 1e-9);
  if (!reached) throw new TypeError("a curve has at least one measurement");
  return { best, reached };
}

export const writeResult = (folder: string, result: MinutesResult): Promise<void> =>
  writeCell(folder, cellName(result), result);

/** A finished cell; null when there is none. */
export const readResult = (folder: string, cell: Cell): MinutesResult | null =>
  readCell(folder, cellName(cell));

/** All finished cells, by set, contender and seed. */
export function readResults(folder: string): MinutesResult[] {
  const place = ({ set, contender, seed }: Cell): number =>
    (SET_IDS.indexOf(set) * 10 + CONTENDERS.indexOf(contender)) * 1_000 + seed;
  return readCells<MinutesResult>(folder).sort((a, b) => place(a) - place(b));
}
