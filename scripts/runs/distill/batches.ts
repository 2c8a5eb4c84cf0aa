/**
 * Batches by a budget of tokens, padding counted: many short texts or a few long ones, so that every
 * step costs about the same. A run has a fixed number of steps, however often that passes over the
 * texts.
 */
import type { BatchPlan } from "../../../src/learn/loop/trainer.ts";
import { derive, permutation } from "../../../src/learn/random.ts";
import type { Key } from "../../../src/learn/random.ts";

/** Batches' worth of texts that are sorted together: near-equal lengths, and still random. */
const WINDOW_BATCHES = 50;

export interface RoundsOptions {
  readonly lengths: readonly number[];
  readonly batchTokens: number;
  /** Steps between two measurements. */
  readonly perRound: number;
  readonly rounds: number;
  readonly key: Key;
}

/** A plan of `rounds` times `perRound` batches, drawn pass by pass from all texts. */
export function roundsOf(options: RoundsOptions): BatchPlan {
  const { lengths, batchTokens, perRound, rounds, key } = options;
  const batches: (readonly number[])[] = [];
  for (let pass = 0; batches.length < perRound * rounds; pass++) {
    for (const batch of tokenBatches(lengths, batchTokens, derive(key, "pass", pass))) {
      batches.push(batch);
    }
  }
  return {
    perEpoch: perRound,
    of: (round) => batches.slice(round * perRound, (round + 1) * perRound),
  };
}

/** One pass: every text once, batches of at most `budget` tokens unless one text alone has more. */
export function tokenBatches(lengths: readonly number[], budget: number, key: Key): number[][] {
  const order = permutation(derive(key, "rows"), lengths.length);
  const batches: number[][] = [];
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  const window = Math.max(1, Math.ceil((WINDOW_BATCHES * budget) / mean));
  for (let start = 0; start < order.length; start += window) {
    const rows = [...order.subarray(start, start + window)];
    rows.sort((a, b) => lengths[a]! - lengths[b]!); // stable: equal lengths stay shuffled
    let batch: number[] = [];
    for (const row of rows) {
      // Ascending: the newest is the longest, and the batch is padded to it.
      if (batch.length > 0 && (batch.length + 1) * lengths[row]! > budget) {
        batches.push(batch);
        batch = [];
      }
      batch.push(row);
    }
    batches.push(batch);
  }
  return [...permutation(derive(key, "batches"), batches.length)].map((i) => batches[i]!);
}
