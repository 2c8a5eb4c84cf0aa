/**
 * Widths that are no multiple of the kernels' unit, as their memory has them: numbers lie in runs, and
 * behind each run are zeros up to whole units. A width that is a multiple is one run without zeros.
 */
import { WIDTH_UNIT } from "./kernels/kernels.ts";

/** One axis of a stored tensor: `runs` times `run` numbers, each run `step` numbers behind the last. */
export interface Axis {
  readonly runs: number;
  readonly run: number;
  readonly step: number;
}

/** The next multiple of the kernels' unit. */
export const paddedTo = (width: number): number => Math.ceil(width / WIDTH_UNIT) * WIDTH_UNIT;

/** `runs` times `run` numbers, each run padded to whole units, or to `step`. */
export const axisOf = (run: number, runs = 1, step = paddedTo(run)): Axis =>
  run === step ? { runs: 1, run: run * runs, step: run * runs } : { runs, run, step };

/**
 * The numbers of a head. Rotary positions turn number i with number i + D/2, so each half of such a
 * head is a run; a score does not depend on where a head's numbers lie.
 */
export const headAxis = (headSize: number, isRotary: boolean): Axis =>
  isRotary ? axisOf(headSize / 2, 2, paddedTo(headSize) / 2) : axisOf(headSize);

/** The axis, so many times over. */
export const repeated = (axis: Axis, times: number): Axis =>
  axisOf(axis.run, axis.runs * times, axis.step);

/** How long the axis is in memory. */
export const lengthOf = ({ runs, step }: Axis): number => runs * step;

/** How many numbers it has, zeros aside. */
export const numbersOf = ({ runs, run }: Axis): number => runs * run;

export const isPadded = ({ run, step }: Axis): boolean => run !== step;

/** Numbers of a tensor that lie side by side, in the file and in memory. */
export interface Piece {
  /** Index of the first in the file's tensor, in memory, and how many they are. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** The piece that begins at number `from` of a tensor [rows, columns], up to the end of its run. */
export function pieceAt(rows: Axis, columns: Axis, from: number): Piece {
  const width = numbersOf(columns);
  // Rows without padding are one long run.
  if (!isPadded(columns)) {
    return pieceOf({ ...rows, run: rows.run * width, step: rows.step * width }, from);
  }
  const row = Math.floor(from / width);
  const first = pieceOf(rows, row).to * lengthOf(columns);
  const { to, count } = pieceOf(columns, from - row * width);
  return { from, to: first + to, count };
}

function pieceOf({ run, step }: Axis, from: number): Piece {
  const index = Math.floor(from / run);
  const within = from - index * run;
  return { from, to: index * step + within, count: run - within };
}

/** All numbers of an axis, run by run. */
export const piecesOf = ({ runs, run, step }: Axis): Piece[] =>
  Array.from({ length: runs }, (_, i) => ({ from: i * run, to: i * step, count: run }));
