/**
 * Batches for a contrastive loss: every batch has rows of many labels, and at least two of each where
 * there are two. Drawn by chance, a batch of 64 rows of 77 labels would have next to no pair.
 */
import { derive, permutation } from "../random.ts";
import type { Key } from "../random.ts";

/** Rows of one label that stay together: more pairs an anchor, fewer labels beside it. */
const GROUP = 4;

/**
 * Row numbers of every batch of a pass over the rows: each row is in one, and every pass has as many.
 * `labels` has one label a row (of several, the first). Rows of a label are cut into groups of 4 to 7,
 * or one of all where they are fewer; which groups share a batch of about `batchSize` rows is drawn.
 */
export function contrastiveBatches(
  labels: readonly number[],
  batchSize: number,
  key: Key,
): readonly (readonly number[])[] {
  if (labels.length <= batchSize) return [labels.map((_, row) => row)];
  const byLabel = new Map<number, number[]>();
  for (const row of permutation(derive(key, "rows"), labels.length)) {
    const label = labels[row]!;
    const rows = byLabel.get(label);
    if (rows) rows.push(row);
    else byLabel.set(label, [row]);
  }
  const groups = [...byLabel.values()].flatMap(cutIntoGroups);
  const count = Math.min(groups.length, Math.ceil(labels.length / batchSize));
  const batches = Array.from({ length: count }, (): number[] => []);
  for (const group of permutation(derive(key, "groups"), groups.length)) {
    const shortest = batches.reduce((a, b) => (b.length < a.length ? b : a));
    shortest.push(...groups[group]!);
  }
  return batches;
}

function cutIntoGroups(rows: readonly number[]): number[][] {
  const count = Math.max(1, Math.floor(rows.length / GROUP));
  const border = (part: number): number => Math.round((part * rows.length) / count);
  return Array.from({ length: count }, (_, part) => rows.slice(border(part), border(part + 1)));
}
