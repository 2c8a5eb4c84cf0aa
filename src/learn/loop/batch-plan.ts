/** Which rows form which batch of a run. */
import { derive } from "../random.ts";
import type { Key } from "../random.ts";
import type { Hyperparameters, Objective } from "../methods.ts";
import { contrastiveBatches } from "./contrastive-batches.ts";
import { countBatches, epochBatches, firstBatches } from "./sampler.ts";
import type { BatchPlan } from "./trainer.ts";

export interface BatchRows {
  /** Tokens of every row. */
  readonly lengths: readonly number[];
  /** The label of every row, of several the first. */
  readonly labels: readonly number[];
}

/** Every row once an epoch, rows of similar length together. */
export const eachRowOnce = (lengths: readonly number[], size: number, key: Key): BatchPlan => ({
  perEpoch: countBatches(lengths.length, size),
  of: (epoch) => epochBatches(lengths, size, derive(key, "epoch", epoch)),
});

/**
 * The batches of a run: those of its objective, an epoch a pass over the rows, or, with `steps`, one epoch
 * of that many batches.
 */
export function batchPlanOf(
  objective: Objective,
  { steps, batch_size: size }: Pick<Hyperparameters, "steps" | "batch_size">,
  { lengths, labels }: BatchRows,
  key: Key,
): BatchPlan {
  const passes =
    objective === "contrastive"
      ? contrastivePasses(labels, size, key)
      : eachRowOnce(lengths, size, key);
  return steps === undefined
    ? passes
    : { perEpoch: steps, of: () => firstBatches(steps, passes.of) };
}

function contrastivePasses(labels: readonly number[], size: number, key: Key): BatchPlan {
  const pass = (epoch: number): readonly (readonly number[])[] =>
    contrastiveBatches(labels, size, derive(key, "epoch", epoch));
  return { perEpoch: pass(0).length, of: pass };
}
