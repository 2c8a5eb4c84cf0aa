/**
 * A step of a contrastive run: the loss over the features of the whole batch, then its gradient through the
 * encoder, rows of similar length together. Nothing is padded to the longest text of the batch, and memory
 * is bounded by the rows of a part.
 */
import { gatherRows } from "../../core/model/tensor.ts";
import type { Feature } from "../data/features.ts";
import { contrastiveLoss } from "./contrastive.ts";
import { addGradients } from "./micro-batches.ts";
import type { PartResult } from "./micro-batches.ts";
import { pairWeights } from "./pairs.ts";
import { sortedBatches } from "./sampler.ts";
import type { StepResult } from "./trainer.ts";

/** Rows that go through the encoder together. */
const PART_ROWS = 16;

/** `features` are those of the batch, [B, H]; `run` takes rows and the gradient for their features. */
export async function contrastiveStep(
  batch: readonly Feature[],
  features: Float32Array,
  run: (rows: readonly Feature[], gradient: Float32Array) => Promise<PartResult>,
): Promise<StepResult> {
  const hidden = features.length / batch.length;
  const { loss, gradient } = contrastiveLoss(features, pairWeights(batch), hidden);
  const sums: Record<string, Float32Array> = {};
  const lengths = batch.map(({ ids }) => ids.length);
  for (const part of sortedBatches(lengths, PART_ROWS)) {
    const { grads } = await run(
      part.map((row) => batch[row]!),
      gatherRows(gradient, part, hidden),
    );
    addGradients(sums, grads);
  }
  return { loss, grads: sums };
}
