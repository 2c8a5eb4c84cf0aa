/**
 * Finished cells as JSON files: bench/results/ladder/MODEL/CELL.json, where MODEL is the base that was
 * trained on, or `setfit` for SetFit, which trains the checkpoint itself.
 */
import { join } from "node:path";
import type { Evaluation } from "../../src/learn/measure/evaluate.ts";
import { readCell, readCells, writeCell } from "../cell-files.ts";
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

export const writeResult = (folder: string, result: LadderResult): Promise<void> =>
  writeCell(join(folder, result.model.name), cellName(result), result);

/** A finished cell; null when there is none. */
export const readResult = (folder: string, model: string, cell: Cell): LadderResult | null =>
  readCell(join(folder, model), cellName(cell));

/** The model of SetFit's cells, whatever base they are compared with. */
export const SETFIT_MODEL = "setfit";

/** All finished cells of a base, and those of SetFit. */
export const readLadder = (folder: string, base: string): LadderResult[] =>
  [base, SETFIT_MODEL].flatMap((model) => readCells<LadderResult>(join(folder, model)));

/** What an outcome says of a score that was found on the test rows. */
export const scored = ({
  score,
}: Pick<Evaluation, "score">): Pick<Outcome, "metric" | "score" | "interval"> => ({
  metric: score.name,
  score: score.value,
  interval: [score.low, score.high],
});
