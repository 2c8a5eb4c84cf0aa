/**
 * Finished cells as JSON files: bench/results/ladder/MODEL/CELL.json, where MODEL is the base that was
 * trained on, or `setfit` for SetFit, which trains the checkpoint itself.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../../scripts/node/files.ts";
import type { Provenance } from "../provenance.ts";
import { cellName } from "./plan.ts";
import type { Cell } from "./plan.ts";

export const RESULTS = new URL("../results/ladder/", import.meta.url).pathname;

/** What a contender made of a draw; fields are named as in the JSON files that keep it. */
export interface Outcome {
  /** accuracy or f1: what `score` is. */
  readonly metric: string;
  /** On the test rows, from 0 to 1, with its 95 % bootstrap interval over those rows. */
  readonly score: number;
  readonly interval: readonly [low: number, high: number];
  /** What the task says of itself; null for a contender that says nothing. */
  readonly reported: {
    readonly score: number;
    readonly interval: readonly [low: number, high: number];
    readonly rows: string;
    /** Of a cross-validation; null where some rows were kept back for measuring. */
    readonly folds: number | null;
  } | null;
  /** From the model on disk to a finished task, answers to the test rows left out. */
  readonly seconds: number;
  /** Of the task's tensors, or of the whole model where all weights are trained. */
  readonly bytes: number;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface LadderResult extends Cell, Outcome, Provenance {
  readonly bench: "ladder";
  readonly train_rows: number;
  readonly test_rows: number;
  readonly model: { readonly name: string; readonly identity: string | null };
  /** Mean number of busy processes over the last minute: what `seconds` has to be read with. */
  readonly load: number;
}

const resultPath = (folder: string, model: string, cell: Cell): string =>
  join(folder, model, `${cellName(cell)}.json`);

export const writeResult = (folder: string, result: LadderResult): Promise<void> =>
  writeWhole(resultPath(folder, result.model.name, result), `${JSON.stringify(result, null, 2)}\n`);

/** A finished cell; null when there is none. */
export function readResult(folder: string, model: string, cell: Cell): LadderResult | null {
  const path = resultPath(folder, model, cell);
  return existsSync(path) ? readJson(path) : null;
}

/** The model of SetFit's cells, whatever base they are compared with. */
export const SETFIT_MODEL = "setfit";

/** All finished cells of a base, and those of SetFit. */
export const readLadder = (folder: string, base: string): LadderResult[] =>
  [base, SETFIT_MODEL].flatMap((model) => readResults(folder, model));

function readResults(folder: string, model: string): LadderResult[] {
  const own = join(folder, model);
  if (!existsSync(own)) return [];
  return readdirSync(own)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => readJson(join(own, name)));
}

const readJson = (path: string): LadderResult =>
  JSON.parse(readFileSync(path, "utf8")) as LadderResult;
