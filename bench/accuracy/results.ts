/** Finished cells as JSON files in bench/results/accuracy, one each, written by rename. */
import type { TrialResult } from "../../scripts/runs/trial/trial-run.ts";
import { readCell, readCells, writeCell } from "../cell-files.ts";
import type { Provenance } from "../provenance.ts";
import { TASK_IDS } from "./tasks.ts";
import { TABLE_METHODS, cellName } from "./plan.ts";
import type { Cell } from "./plan.ts";

export const RESULTS = new URL("../results/accuracy/", import.meta.url).pathname;

export interface CellResult extends Cell, TrialResult, Provenance {
  readonly bench: "accuracy";
  readonly title: string;
  /** The split that `score` is of. */
  readonly split: string;
  readonly base: {
    readonly name: string;
    readonly dtype: "int8" | "fp32";
    readonly identity: string;
    readonly checkpoint: string;
  };
  /** Mean number of busy processes over the last 15 minutes: what `seconds` has to be read with. */
  readonly load: number;
}

export const writeResult = (folder: string, result: CellResult): Promise<void> =>
  writeCell(folder, cellName(result), result);

/** A finished cell; null when there is none. */
export const readResult = (folder: string, cell: Cell): CellResult | null =>
  readCell(folder, cellName(cell));

/** All finished cells, in the order of the table. */
export function readResults(folder: string): CellResult[] {
  const place = ({ task, method, seed }: Cell): number =>
    (TASK_IDS.indexOf(task) * 100 + (TABLE_METHODS as readonly string[]).indexOf(method)) * 100 +
    seed;
  return readCells<CellResult>(folder).sort((a, b) => place(a) - place(b));
}
