/** Which rows of a batch belong together, as the contrastive loss reads it. */
import type { Feature } from "../data/features.ts";

/**
 * Weights of all pairs of B rows, [B, B]: they sum to 1, or are 0 where no two rows belong together. A
 * row is an anchor when another row shares a label with it; all anchors weigh the same. Its pairs weigh by
 * their overlap, the shared labels of all labels of both (Jaccard): 1 for the same label.
 */
export function pairWeights(rows: readonly Pick<Feature, "labels">[]): Float32Array {
  const B = rows.length;
  const sets = rows.map(({ labels }) => new Set([...labels].filter((label) => label >= 0)));
  const weights = new Float32Array(B * B);
  let anchors = 0;
  for (let i = 0; i < B; i++) {
    const own = weights.subarray(i * B, (i + 1) * B);
    let sum = 0;
    for (let j = 0; j < B; j++) {
      if (i !== j) sum += own[j] = overlap(sets[i]!, sets[j]!);
    }
    if (sum === 0) continue;
    anchors += 1;
    for (let j = 0; j < B; j++) own[j]! /= sum;
  }
  if (anchors > 0) for (let i = 0; i < weights.length; i++) weights[i]! /= anchors;
  return weights;
}

function overlap(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  let shared = 0;
  for (const label of a) if (b.has(label)) shared += 1;
  return shared === 0 ? 0 : shared / (a.size + b.size - shared);
}
