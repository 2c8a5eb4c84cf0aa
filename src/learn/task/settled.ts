/** The task.json of a run: every choice that was made for it, so that the same run can be made again. */
import type { PreparedTask } from "./prepare.ts";
import type { DataSpec, TaskSpec, TeacherSpec } from "./spec.ts";

export interface SettledPlaces {
  readonly name: string;
  /** Name of the base. */
  readonly base: string;
  /** Paths as they are seen from the task's folder. */
  readonly init: string | undefined;
  readonly teacher: TeacherSpec | undefined;
  readonly data: Pick<DataSpec, "train" | "eval" | "unlabelled">;
}

/** What was asked for, with what was chosen filled in. */
export const settledSpec = (
  spec: TaskSpec,
  prepared: PreparedTask,
  { name, base, init, teacher, data }: SettledPlaces,
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
  teacher: teacher && { ...teacher, ...weightsOf(prepared) },
  num_virtual_tokens: prepared.numVirtualTokens,
  pooling: prepared.pooling === "none" ? undefined : prepared.pooling,
  max_length: prepared.maxLength,
  train_graph: prepared.trainGraph,
  hyperparameters: prepared.hyperparameters,
  seed: prepared.seed,
  data: { ...spec.data, ...data },
});

const weightsOf = ({ teacher }: PreparedTask): Pick<TeacherSpec, "share" | "temperature"> =>
  teacher ? { share: teacher.share, temperature: teacher.temperature } : {};
