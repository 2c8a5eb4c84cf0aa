/**
 * Which rows form which batch. Rows of similar length go together, so that a batch cut to its
 * longest row carries little padding; the order stays random in everything that matters: rows are
 * shuffled first, sorted only inside a window of many batches, and the batches shuffled again.
 */
import { derive, permutation } from "../random.ts";
import type { Key } from "../random.ts";

/** Batches that are sorted together: enough for near-equal lengths, few enough to stay random. */
const WINDOW_BATCHES = 50;

/** Row numbers of every batch of one epoch; each row once. The last batch of a window may be short. */
export function epochBatches(
  lengths: readonly number[],
  batchSize: number,
  key: Key,
): readonly (readonly number[])[] {
  const order = permutation(derive(key, "rows"), lengths.length);
  const batches: number[][] = [];
  for (let start = 0; start < order.length; start += WINDOW_BATCHES * batchSize) {
    const window = [...order.subarray(start, start + WINDOW_BATCHES * batchSize)];
    window.sort((a, b) => lengths[a]! - lengths[b]!); // stable: equal lengths stay shuffled
    for (let i = 0; i < window.length; i += batchSize) batches.push(window.slice(i, i + batchSize));
  }
  return [...permutation(derive(key, "batches"), batches.length)].map((i) => batches[i]!);
}

/** Batches of one epoch. */
export const countBatches = (rows: number, batchSize: number): number =>
  Math.ceil(rows / batchSize);

/** The first `count` batches of as many passes over the rows as that takes. */
export function firstBatches(
  count: number,
  pass: (index: number) => readonly (readonly number[])[],
): readonly (readonly number[])[] {
  const batches: (readonly number[])[] = [];
  for (let index = 0; batches.length < count; index++) batches.push(...pass(index));
  return batches.slice(0, count);
}

/** Batches for measuring: by length, longest first, so that memory is highest at the start. */
export function sortedBatches(lengths: readonly number[], batchSize: number): number[][] {
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[b]! - lengths[a]!);
  const batches: number[][] = [];
  for (let i = 0; i < order.length; i += batchSize) batches.push(order.slice(i, i + batchSize));
  return batches;
}
