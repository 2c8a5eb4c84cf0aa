/** Which rows of a batch belong together, as the contrastive loss reads it (graph/contrastive.ts). */
import { float32 } from "../../core/model/tensor.ts";
import type { TensorOf } from "../../core/model/tensor.ts";
import type { Feature } from "../data/features.ts";
import { PAIR_MASK, PAIR_WEIGHTS } from "../graph/contrastive.ts";

/** Added to a similarity, it leaves no share of a softmax. */
const LEFT_OUT = -1e9;

/**
 * The feeds of a batch of B rows. A row is an anchor when another row shares a label with it; all anchors
 * weigh the same. Its pairs weigh by their overlap, the shared labels of all labels of both (Jaccard): 1
 * for the same label. A batch without such a pair has a loss of 0 and moves nothing.
 */
export function pairFeeds(
  rows: readonly Pick<Feature, "labels">[],
): Record<string, TensorOf<"float32">> {
  const B = rows.length;
  const sets = rows.map(({ labels }) => new Set([...labels].filter((label) => label >= 0)));
  const mask = new Float32Array(B * B);
  const weights = new Float32Array(B * B);
  let anchors = 0;
  for (let i = 0; i < B; i++) {
    mask[i * B + i] = LEFT_OUT;
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
  return { [PAIR_WEIGHTS]: float32([B, B], weights), [PAIR_MASK]: float32([B, B], mask) };
}

function overlap(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  let shared = 0;
  for (const label of a) if (b.has(label)) shared += 1;
  return shared === 0 ? 0 : shared / (a.size + b.size - shared);
}
