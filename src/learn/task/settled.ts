/** The task.json of a run: every choice that was made for it, so that the same run can be made again. */
import type { PreparedTask } from "./prepare.ts";
import type { DataFile, TaskSpec } from "./spec.ts";

export interface SettledPlaces {
  readonly name: string;
  /** Name of the base. */
  readonly base: string;
  /** Paths as they are seen from the task's folder. */
  readonly init: string | undefined;
  readonly data: { readonly train: readonly DataFile[]; readonly eval: readonly DataFile[] };
}

/** What was asked for, with what was chosen filled in. */
export const settledSpec = (
  spec: TaskSpec,
  prepared: PreparedTask,
  { name, base, init, data }: SettledPlaces,
): TaskSpec => ({
  ...spec,
  name,
  base,
  type: prepared.type,
  problem_type: prepared.problemType,
  labels: prepared.labels,
  method: prepared.method,
  objective: prepared.objective === "head" ? undefined : prepared.objective,
  init,
  num_virtual_tokens: prepared.numVirtualTokens,
  pooling: prepared.pooling === "none" ? undefined : prepared.pooling,
  max_length: prepared.maxLength,
  train_graph: prepared.trainGraph,
  hyperparameters: prepared.hyperparameters,
  seed: prepared.seed,
  data: { ...spec.data, ...data },
});
