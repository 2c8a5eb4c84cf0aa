/** Which rows form which batch of a run, where it is not each row once an epoch, by length. */
import { derive } from "../random.ts";
import type { Key } from "../random.ts";
import type { Hyperparameters, Objective } from "../methods.ts";
import { contrastiveBatches } from "./contrastive-batches.ts";
import { epochBatches, firstBatches } from "./sampler.ts";
import type { BatchPlan } from "./trainer.ts";

export interface BatchRows {
  /** Tokens of every row. */
  readonly lengths: readonly number[];
  /** The label of every row, of several the first. */
  readonly labels: readonly number[];
}

/**
 * The batches of a run: those of its objective, an epoch a pass over the rows, or, with `steps`, one epoch
 * of that many batches. Undefined where the trainer's own are meant.
 */
export function batchPlanOf(
  objective: Objective,
  { steps, batch_size: size }: Pick<Hyperparameters, "steps" | "batch_size">,
  { lengths, labels }: BatchRows,
  key: Key,
): BatchPlan | undefined {
  const pass = (index: number): readonly (readonly number[])[] => {
    const own = derive(key, "epoch", index);
    return objective === "contrastive"
      ? contrastiveBatches(labels, size, own)
      : epochBatches(lengths, size, own);
  };
  if (steps !== undefined) return { perEpoch: steps, of: () => firstBatches(steps, pass) };
  if (objective === "head") return undefined;
  return { perEpoch: pass(0).length, of: pass };
}
