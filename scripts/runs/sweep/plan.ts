/**
 * Successive halving (Jamieson and Talwalkar, arXiv 1502.07943): every pair of settings gets a short
 * run, the better third a longer one from more seeds, and so on. Pure arithmetic; sweep-run.ts makes the runs.
 *
 * Compute is counted in full runs: a run of a tenth of the steps counts as 0.1. Every rung is a
 * fresh run with a whole learning-rate schedule of its own, since one that was cut off half-way says
 * little about how it would have ended.
 */
import { InputError } from "../../../src/core/errors.ts";

/** At most this share of what a run of every pair and every seed would take. */
export const MAX_SHARE = 0.2;
/** A rung keeps one of so many. */
const KEEP_ONE_OF = 3;
/** The last rung compares so many. */
const FINALISTS = 2;

export interface Rung {
  /** How many pairs take part. */
  readonly candidates: number;
  /** Seeds of each, the first ones. */
  readonly seeds: number;
  /** Share of a full run's steps that each run makes. */
  readonly budget: number;
}

export interface SweepSize {
  readonly candidates: number;
  readonly seeds: number;
  /** Share of the full grid's compute that may be spent, at most 0.2. */
  readonly share?: number;
}

/** Compute of the full grid: every pair and every seed to the end. */
export const gridCompute = ({ candidates, seeds }: SweepSize): number => candidates * seeds;

export const rungCompute = ({ candidates, seeds, budget }: Rung): number =>
  candidates * seeds * budget;

/** Compute of all rungs. */
export const planCompute = (rungs: readonly Rung[]): number =>
  rungs.reduce((sum, rung) => sum + rungCompute(rung), 0);

/**
 * The rungs of a sweep. Each may spend the same, so runs grow longer as fewer are left; seeds grow
 * from one to all. Throws InputError `sweep-invalid` where there is nothing to choose or a share is
 * not in (0, 0.2].
 */
export function planRungs({ candidates, seeds, share = MAX_SHARE }: SweepSize): Rung[] {
  if (candidates < 2) {
    throw new InputError(
      "sweep-invalid",
      `a sweep of ${candidates} setting has nothing to choose; name more --lengths or --rates`,
    );
  }
  if (!(share > 0 && share <= MAX_SHARE)) {
    throw new InputError(
      "sweep-invalid",
      `share ${share}: expected more than 0 and at most ${MAX_SHARE} of the full grid's compute`,
    );
  }
  const counts = [candidates];
  while (counts.at(-1)! > FINALISTS) {
    counts.push(Math.max(FINALISTS, Math.ceil(counts.at(-1)! / KEEP_ONE_OF)));
  }
  const last = Math.max(1, counts.length - 1);
  const each = (share * gridCompute({ candidates, seeds })) / counts.length;
  return counts.map((count, rung) => {
    const used = counts.length === 1 ? seeds : Math.round(1 + ((seeds - 1) * rung) / last);
    return { candidates: count, seeds: used, budget: Math.min(1, each / (count * used)) };
  });
}

/** Steps of a rung in the units that a run is asked for: passes over a number of rows. */
export interface RunLength {
  readonly epochs: number;
  readonly rows: number;
}

/** What a share of a full run amounts to; never more than the share, and at least one row. */
export function runLength(budget: number, full: RunLength): RunLength {
  const passes = budget * full.epochs;
  const epochs = Math.max(1, Math.min(full.epochs, Math.ceil(passes)));
  const rows = Math.min(full.rows, Math.floor((full.rows * passes) / epochs));
  return { epochs, rows: Math.max(1, rows) };
}

/**
 * The candidates that stay: the `keep` best by score, of equal ones the earlier. Input and output are
 * positions in the list of all candidates; the output begins with the best.
 */
export const survivors = (
  scores: readonly { readonly candidate: number; readonly score: number }[],
  keep: number,
): number[] =>
  scores
    .toSorted((a, b) => b.score - a.score || a.candidate - b.candidate)
    .slice(0, keep)
    .map(({ candidate }) => candidate);
