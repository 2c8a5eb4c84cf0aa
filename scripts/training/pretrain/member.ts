/**
 * One of the tasks that a prefix is pretrained on: its rows, its own head, and a training session
 * whose virtual tokens and deltas are fed with the values that all tasks share.
 */
import { CLASSIFIER_BIAS, CLASSIFIER_WEIGHT } from "../../../src/core/shapes.ts";
import type { Base } from "../../import/base-folder.ts";
import type { LoadedBase } from "../answers.ts";
import { scoreName, scoreOf } from "../decisions.ts";
import { evaluateTask } from "../evaluate.ts";
import { featuresOf } from "../features.ts";
import { EVALUATION_BATCH } from "../finish-task.ts";
import { graphWeights } from "../graph-weights.ts";
import { labelScaleOf, unscaledHead } from "../label-scale.ts";
import { partsOf } from "../methods.ts";
import type { Arrays } from "../optim.ts";
import { servedParams } from "../parameters.ts";
import type { Encoder, Parameter, Target } from "../parameters.ts";
import type { PreparedTask } from "../prepare.ts";
import type { Key } from "../random.ts";
import { openTrainingSession } from "../step.ts";
import { packTask } from "../task-folder.ts";
import type { TaskFacts } from "../task-folder.ts";
import type { DataSpec } from "../task-spec.ts";
import type { Runtimes } from "../train-task.ts";
import type { StepResult } from "../trainer.ts";

/** A task to pretrain on, its data in memory; method, length and graph are those of all. */
export interface PretrainTask {
  readonly name: string;
  readonly prepared: PreparedTask;
  readonly labelAllTokens: boolean;
  /** Where its data comes from. */
  readonly origin: Pick<DataSpec, "source" | "licence" | "language">;
}

/** A task that is being trained on. Names of its head's tensors begin with the task's. */
export interface Member {
  readonly name: string;
  readonly metric: string;
  readonly parameters: readonly Parameter[];
  /** Tokens of every training row. */
  readonly lengths: readonly number[];
  /** Loss and gradients of a batch of its rows, for the parameters that it reads. */
  step(rows: readonly number[], params: Arrays, key: Key): Promise<StepResult>;
  /** How good the shared values are with its head, on its evaluation rows; higher is better. */
  score(params: Arrays): Promise<number>;
  release(): Promise<void>;
}

export interface MemberOptions {
  readonly base: Base;
  readonly encoder: Encoder;
  /** The base as it answers, natively. */
  readonly native: LoadedBase;
  readonly createSession: Runtimes["createSession"];
  readonly prefixDropout: number;
  readonly signal: AbortSignal;
}

/** Builds the training session of a task. */
export async function openMember(task: PretrainTask, options: MemberOptions): Promise<Member> {
  const { name, prepared } = task;
  const { base, encoder, native, createSession, prefixDropout, signal } = options;
  const { type, labels, problemType, method, pooling, numVirtualTokens, maxLength } = prepared;
  const scale = problemType === "regression" ? labelScaleOf(prepared.train) : null;
  const features = featuresOf(prepared.train, native.tokenizer, {
    type,
    labels,
    scale,
    maxLength,
    labelAllTokens: task.labelAllTokens,
  });
  const parts = partsOf(method);
  const target: Target = { parts, pooling, numLabels: labels.length, numVirtualTokens };
  const computed = await graphWeights(base, prepared.trainGraph, createSession);
  const session = await openTrainingSession(
    encoder,
    base.manifest,
    { target, problemType, prefixDropout, computed },
    createSession,
  );
  const facts: TaskFacts = {
    task: name,
    type,
    problem_type: problemType,
    labels,
    num_virtual_tokens: numVirtualTokens,
    position_offset: 0,
    pooling,
    max_length: maxLength,
    temperature: 1,
    thresholds: null,
    canary: [],
    metrics: {},
    created: new Date(0).toISOString(),
  };
  const own = (tensor: string): string => (isHead(tensor) ? `${name}/${tensor}` : tensor);
  const read = (params: Arrays): Arrays =>
    Object.fromEntries(session.parameters.map((p) => [p.name, params[own(p.name)]!]));

  return {
    name,
    metric: scoreName(facts),
    parameters: session.parameters.map((parameter) => ({
      ...parameter,
      name: own(parameter.name),
    })),
    lengths: features.map(({ ids }) => ids.length),
    async step(rows, params, key) {
      const batch = rows.map((row) => features[row]!);
      const { loss, grads } = await session.step(batch, read(params), key);
      return {
        loss,
        grads: Object.fromEntries(
          Object.entries(grads).map(([tensor, values]) => [own(tensor), values]),
        ),
      };
    },
    async score(params) {
      const served = servedParams(read(params), target);
      const tensors = scale ? unscaledHead(served, scale) : served;
      const packed = await packTask(facts, base.manifest, tensors, scale ? "float32" : "float16");
      const evaluated = await evaluateTask(native, packed.task, prepared.evaluation, {
        batchSize: EVALUATION_BATCH,
        signal,
      });
      return scoreOf(evaluated);
    },
    release: () => session.release(),
  };
}

/** A head belongs to one task, everything else to all. */
const isHead = (tensor: string): boolean =>
  tensor === CLASSIFIER_WEIGHT || tensor === CLASSIFIER_BIAS;
