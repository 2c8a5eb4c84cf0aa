/**
 * Which task is trained when. Every batch is of one task (as in MT-DNN, arXiv 1901.11504: one graph
 * and one loss a step), and tasks take turns in proportion to size^alpha: at 1 every row of every
 * task is used equally often and a large task drowns the small ones, at 0 all tasks get equally many
 * steps and the rows of small ones are repeated most.
 */
import { derive, permutation } from "../../../src/learn/random.ts";
import type { Key } from "../../../src/learn/random.ts";
import { countBatches, epochBatches } from "../../../src/learn/loop/sampler.ts";
import type { BatchPlan } from "../../../src/learn/loop/trainer.ts";

/** Between both ends: the root of the size. */
export const DEFAULT_ALPHA = 0.5;

/** Each task's share of the steps; together 1. */
export function sharesOf(sizes: readonly number[], alpha: number): number[] {
  const weights = sizes.map((size) => size ** alpha);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/**
 * Batches over all tasks, whose rows are numbered one task after the other. An epoch has as many
 * batches as all rows make, dealt out by `alpha`, at least one a task. What a task sees does not
 * start over with an epoch: it passes through its rows, each once in a new order, and goes on
 * where it stood. All of it follows from the key and the number of the epoch.
 */
export function mixedBatches(
  lengths: readonly (readonly number[])[],
  { batchSize, alpha, key }: { batchSize: number; alpha: number; key: Key },
): BatchPlan {
  const perPass = lengths.map((rows) => countBatches(rows.length, batchSize));
  const all = perPass.reduce((sum, count) => sum + count, 0);
  const shares = sharesOf(
    lengths.map((rows) => rows.length),
    alpha,
  );
  const counts = shares.map((share) => Math.max(1, Math.round(share * all)));
  const perEpoch = counts.reduce((sum, count) => sum + count, 0);
  const offsets = lengths.map((_, task) =>
    lengths.slice(0, task).reduce((sum, rows) => sum + rows.length, 0),
  );

  /** The batches `first` to `first + count` of a task's endless passes. */
  function turnsOf(task: number, first: number, count: number): number[][] {
    const turns: number[][] = [];
    for (let at = first; at < first + count;) {
      const pass = Math.floor(at / perPass[task]!);
      const batches = epochBatches(lengths[task]!, batchSize, derive(key, "pass", task, pass));
      const start = at - pass * perPass[task]!;
      const part = batches.slice(start, start + first + count - at);
      for (const rows of part) turns.push(rows.map((row) => offsets[task]! + row));
      at += part.length;
    }
    return turns;
  }

  return {
    perEpoch,
    of(epoch) {
      const turns = counts.flatMap((count, task) => turnsOf(task, epoch * count, count));
      const order = permutation(derive(key, "turns", epoch), turns.length);
      return [...order].map((i) => turns[i]!);
    },
  };
}
