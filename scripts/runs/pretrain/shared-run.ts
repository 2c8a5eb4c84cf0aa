/**
 * One of the tasks that a prefix is pretrained on: its rows, its own head, and a training session
 * whose virtual tokens and deltas are fed with the values that all tasks share.
 */
import {
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  SHAPE_WEIGHT,
} from "../../../src/core/model/shapes.ts";
import { scoreName, scoreOf } from "../../../src/learn/measure/metrics.ts";
import type { Arrays } from "../../../src/learn/graph/parameters.ts";
import type { PreparedTask } from "../../../src/learn/task/prepare.ts";
import type { DataSpec } from "../../../src/learn/task/spec.ts";
import { openTrainingRun } from "../../../src/learn/task/training-run.ts";
import type { TrainingRun, TrainingRunOptions } from "../../../src/learn/task/training-run.ts";

/** A task to pretrain on, its data in memory; method, length and graph are those of all. */
export interface PretrainTask {
  readonly name: string;
  readonly prepared: PreparedTask;
  /** Source, licence and language of its data. */
  readonly origin: Pick<DataSpec, "source" | "licence" | "language">;
}

/** The training run of one task that shares a prefix with others. Its head's tensors are named after the task. */
export interface SharedRun extends Pick<
  TrainingRun,
  "parameters" | "lengths" | "step" | "release"
> {
  readonly name: string;
  readonly metric: string;
  /** How good the shared values are with its head, on its evaluation rows; higher is better. */
  score(params: Arrays): Promise<number>;
}

export interface SharedRunOptions extends TrainingRunOptions {
  readonly prefixDropout: number;
  readonly signal: AbortSignal;
}

/** Builds the training session of a task. */
export async function openSharedRun(
  task: PretrainTask,
  options: SharedRunOptions,
): Promise<SharedRun> {
  const { name } = task;
  const { native, prefixDropout, signal } = options;
  // No manifest is written for it, so the date does not matter.
  const run = await openTrainingRun({ ...task, prefixDropout, created: new Date(0) }, options);
  const own = (tensor: string): string => (isHead(tensor) ? `${name}/${tensor}` : tensor);
  const read = (params: Arrays): Arrays =>
    Object.fromEntries(run.parameters.map((p) => [p.name, params[own(p.name)]!]));

  return {
    name,
    metric: scoreName(run.facts),
    parameters: run.parameters.map((parameter) => ({
      ...parameter,
      name: own(parameter.name),
    })),
    lengths: run.lengths,
    async step(rows, params, key) {
      const { loss, grads } = await run.step(rows, read(params), key);
      return {
        loss,
        grads: Object.fromEntries(
          Object.entries(grads).map(([tensor, values]) => [own(tensor), values]),
        ),
      };
    },
    score: async (params) => scoreOf((await run.judge(read(params), native, { signal })).metrics),
    release: () => run.release(),
  };
}

const HEAD_TENSORS: readonly string[] = [CLASSIFIER_WEIGHT, CLASSIFIER_BIAS, SHAPE_WEIGHT];

/** A head belongs to one task, everything else to all. */
const isHead = (tensor: string): boolean => HEAD_TENSORS.includes(tensor);
