/** Finished cells as JSON files in bench/results/accuracy, one each, written by rename. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { TrialResult } from "../../scripts/runs/trial/trial-run.ts";
import type { Provenance } from "../provenance.ts";
import { TASK_IDS } from "./tasks.ts";
import { TABLE_METHODS, cellName } from "./plan.ts";
import type { Cell } from "./plan.ts";
import { writeWhole } from "../../scripts/node/files.ts";

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

export const resultPath = (folder: string, cell: Cell): string =>
  join(folder, `${cellName(cell)}.json`);

export async function writeResult(folder: string, result: CellResult): Promise<void> {
  const path = resultPath(folder, result);
  await writeWhole(path, `${JSON.stringify(result, null, 2)}\n`);
}

/** A finished cell; null when there is none. */
export const readResult = (folder: string, cell: Cell): CellResult | null =>
  existsSync(resultPath(folder, cell)) ? readJson(resultPath(folder, cell)) : null;

/** All finished cells, in the order of the table. */
export function readResults(folder: string): CellResult[] {
  if (!existsSync(folder)) return [];
  const place = ({ task, method, seed }: Cell): number =>
    (TASK_IDS.indexOf(task) * 100 + (TABLE_METHODS as readonly string[]).indexOf(method)) * 100 +
    seed;
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => readJson(join(folder, name)))
    .sort((a, b) => place(a) - place(b));
}

const readJson = (path: string): CellResult => JSON.parse(readFileSync(path, "utf8")) as CellResult;
