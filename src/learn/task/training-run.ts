/**
 * The training run of one task: its rows as features, the session that trains on them, and its
 * parameters as the task that serves them. `train` has one (train-task.ts), `pretrain` one for each
 * task (pretrain/shared-run.ts).
 */
import type { Base } from "../../encoder/base.ts";
import {
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  PROTOTYPES,
  START_TRANSITIONS,
  TRANSITIONS,
} from "../../core/model/shapes.ts";
import { float32 } from "../../core/model/tensor.ts";
import type { TensorOf } from "../../core/model/tensor.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import { byWords, decide } from "../measure/decisions.ts";
import { metricsOf } from "../measure/metrics.ts";
import type { JudgedLogits } from "../measure/decisions.ts";
import type { TaskMetrics } from "../measure/metrics.ts";
import { EVALUATION_BATCH, evaluationLogits } from "../measure/evaluate.ts";
import { fitTags } from "../measure/tag-biases.ts";
import { featuresOf } from "../data/features.ts";
import type { Feature } from "../data/features.ts";
import type { Example } from "../data/read.ts";
import { IGNORED_LABEL } from "../graph/loss.ts";
import type { SoftTruth } from "../graph/loss.ts";
import { fitHead } from "../head/fit-head.ts";
import type { FeatureRows } from "../head/fit-head.ts";
import { fitPrototypes, prototypeRows } from "../head/prototypes.ts";
import { targetsOf } from "../head/rows.ts";
import { unsettledOther } from "../measure/other.ts";
import { pooledStates } from "../measure/pooled-states.ts";
import { countTransitions } from "../data/transitions.ts";
import { graphWeights } from "../graph/weights.ts";
import { checkNumbers, labelScaleOf, unscaledHead } from "../data/label-scale.ts";
import { isServed, partsOf } from "../methods.ts";
import type { Arrays, Encoder, Parameter, Target } from "../graph/parameters.ts";
import { servedParams, servedPrefix } from "../graph/served-params.ts";
import type { ServedTensors } from "../graph/served-params.ts";
import type { PreparedTask } from "./prepare.ts";
import { checkTaught } from "./teacher.ts";
import type { Runtimes } from "./runtimes.ts";
import { keyOf } from "../random.ts";
import type { Key } from "../random.ts";
import { openTrainingSession } from "../loop/step.ts";
import { UNMEASURED, packTask } from "./packed-task.ts";
import type { PackedTask, TaskFacts } from "./packed-task.ts";
import type { StepResult } from "../loop/trainer.ts";
import type { StopSignal } from "../../core/signal.ts";

export interface TrainingRunRequest {
  readonly name: string;
  readonly prepared: PreparedTask;
  /** Share of virtual tokens left out in a step. */
  readonly prefixDropout: number;
  readonly created: Date;
}

export interface TrainingRunOptions extends Pick<Runtimes, "createSession" | "sha256"> {
  readonly base: Base;
  readonly encoder: Encoder;
  /** The base as it answers, natively. */
  readonly native: LoadedBase;
}

/** Parameters evaluated on the evaluation rows. */
export interface Judged {
  /** The parameters with what is fitted on these rows: the biases of tags that are chosen together. */
  readonly settled: () => Arrays;
  /** Logits of the rows. Those of tags have biases that were fitted on the other half of the rows. */
  readonly logits: JudgedLogits;
  readonly metrics: TaskMetrics;
}

/** Training on some rows. Whatever is counted or fitted for it is counted and fitted on these alone. */
export interface RowsRun {
  /** Tokens of every row. */
  readonly lengths: readonly number[];
  /** The label of every row, of several the first: contrastive batches are mixed by it. */
  readonly labels: readonly number[];
  /** Loss and gradients of a batch of these rows. */
  step(rows: readonly number[], params: Arrays, key: Key): Promise<StepResult>;
  /**
   * The parameters with a head. A contrastive objective has trained none: it is fitted on what `base`
   * makes of the rows.
   */
  withHead(params: Arrays, base: LoadedBase, signal: StopSignal): Promise<Arrays>;
  /**
   * The parameters with the prototypes of these rows, as `base` reads them; the same ones where the task has
   * no label for texts that fit none.
   */
  withPrototypes(params: Arrays, base: LoadedBase, signal: StopSignal): Promise<Arrays>;
  /** Parameters as the task that serves them. */
  pack(params: Arrays): Promise<PackedTask>;
  /** What parameters with a head answer to examples, over `base`. */
  answer(
    params: Arrays,
    base: LoadedBase,
    examples: readonly Example[],
    signal: StopSignal,
  ): Promise<JudgedLogits>;
}

/** The run on all training rows. */
export interface TrainingRun extends RowsRun {
  readonly target: Target;
  /** The manifest's fields before anything was measured. */
  readonly facts: TaskFacts;
  readonly parameters: readonly Parameter[];
  /** The same task on some of the training rows, as a fold trains it. */
  on(rows: readonly number[]): RowsRun;
  /** Evaluates parameters with a head on the evaluation rows, or the first `rows` of them, over `base`. */
  judge(
    params: Arrays,
    base: LoadedBase,
    options: { readonly rows?: number | undefined; readonly signal: StopSignal },
  ): Promise<Judged>;
  release(): Promise<void>;
}

/**
 * How much rows weigh against small weights where a head is fitted on trained features. From 1 to 1,000
 * the answers are the same; at 100 their scores are about as often right as they say.
 */
const FITTED_INVERSE_L2 = 100;

/** Makes the features of a task and builds its training session. */
export async function openTrainingRun(
  { name, prepared, prefixDropout, created }: TrainingRunRequest,
  { base, encoder, native, createSession, sha256 }: TrainingRunOptions,
): Promise<TrainingRun> {
  const { type, labels, problemType, method, objective, pooling, other, seed } = prepared;
  const { numVirtualTokens, maxLength, readsWords, labelAllTokens } = prepared;
  if (problemType === "regression") checkNumbers(prepared.train);
  const parts = partsOf(method);
  const target: Target = {
    parts,
    objective,
    pooling,
    numLabels: labels.length,
    numVirtualTokens,
    readsWords,
  };
  /** What a head reads of rows under these parameters. */
  function statesOf(
    params: Arrays,
    loaded: LoadedBase,
    rows: readonly Feature[],
    signal?: StopSignal,
  ): Promise<FeatureRows> {
    if (pooling === "none") throw new TypeError("a head on single tokens is trained, not fitted");
    const prefix = servedPrefix(params, target, base.manifest.configuration);
    const options = { pooling, batchSize: EVALUATION_BATCH, ...(signal && { signal }) };
    return pooledStates(loaded, prefix, rows, options);
  }
  checkTaught(prepared);
  const embed =
    objective === "contrastive"
      ? async (rows: readonly Feature[], params: Arrays) =>
          (await statesOf(params, native, rows)).data
      : undefined;
  const computed = await graphWeights(base, prepared.trainGraph, createSession);
  const session = await openTrainingSession(
    encoder,
    base.manifest,
    { target, problemType, softTruth: softTruthOf(prepared), prefixDropout, computed, embed },
    createSession,
  );
  const facts: TaskFacts = {
    task: name,
    type,
    problem_type: problemType,
    labels,
    num_virtual_tokens: isServed(method) ? numVirtualTokens : 0,
    position_offset: 0,
    pooling,
    max_length: maxLength,
    ...UNMEASURED,
    created: created.toISOString(),
  };
  function on(examples: readonly Example[]): RowsRun {
    const scale = problemType === "regression" ? labelScaleOf(examples) : null;
    const features = featuresOf([...examples, ...prepared.unlabelled], native.tokenizer, {
      type,
      labels,
      scale,
      maxLength,
      readsWords,
      labelAllTokens,
      teaching: prepared.teacher,
    });
    const transitions = readsWords
      ? transitionTensors(
          features.flatMap(({ chain }) => chain ?? []),
          labels,
        )
      : new Map<string, never>();
    function pack(params: Arrays): Promise<PackedTask> {
      const tensors: ServedTensors = new Map([...servedParams(params, target), ...transitions]);
      const own = params[PROTOTYPES] && other !== null ? withOther(facts, other) : facts;
      if (!scale) return packTask(own, base.manifest, tensors, "float16", sha256);
      // Numbers need more digits than the choice between labels does.
      return packTask(own, base.manifest, unscaledHead(tensors, scale), "float32", sha256);
    }
    return {
      lengths: features.map(({ ids }) => ids.length),
      labels: features.map((feature) => feature.labels[0] ?? IGNORED_LABEL),
      step: (rows, params, key) =>
        session.step(
          rows.map((row) => features[row]!),
          params,
          key,
        ),
      async withHead(params, loaded, signal) {
        if (objective !== "contrastive") return params;
        const states = await statesOf(params, loaded, features, signal);
        const targets = targetsOf(features, problemType, labels.length);
        const head = fitHead(states, targets, {
          numLabels: labels.length,
          inverseL2: FITTED_INVERSE_L2,
        });
        return { ...params, [CLASSIFIER_WEIGHT]: head.weight, [CLASSIFIER_BIAS]: head.bias };
      },
      async withPrototypes(params, loaded, signal) {
        if (other === null) return params;
        const own = features.map((feature) => feature.labels[0] ?? IGNORED_LABEL);
        const rows = prototypeRows(own, labels.length, keyOf(seed));
        const chosen = rows.map((row) => features[row]!);
        const states = await statesOf(params, loaded, chosen, signal);
        const ids = rows.map((row) => own[row]!);
        return {
          ...params,
          [PROTOTYPES]: Float32Array.from(fitPrototypes(states, ids, labels.length)),
        };
      },
      pack,
      async answer(params, loaded, asked, signal) {
        const { task } = await pack(params);
        return evaluationLogits(loaded, task, asked, { batchSize: EVALUATION_BATCH, signal });
      },
    };
  }

  const all = on(prepared.train);
  return {
    ...all,
    target,
    facts,
    parameters: session.parameters,
    on: (rows) => on(rows.map((row) => prepared.train[row]!)),
    async judge(params, loaded, { rows, signal }) {
      const { task } = await all.pack(params);
      const examples = prepared.evaluation.slice(0, rows);
      const options = { batchSize: EVALUATION_BATCH, signal };
      const judged = (logits: JudgedLogits, settled: () => Arrays): Judged => ({
        logits,
        metrics: metricsOf(decide(task.manifest, examples, logits)),
        settled,
      });
      if (!readsWords) {
        const logits = await evaluationLogits(loaded, task, examples, options);
        return judged(isServed(method) ? logits : byWords(logits), () => params);
      }
      const { biases, logits } = await fitTags(loaded, task, examples, options);
      return judged(logits, () => {
        const more = biases();
        const bias = params[CLASSIFIER_BIAS]!.map((value, c) => value + more[c]!);
        return { ...params, [CLASSIFIER_BIAS]: bias };
      });
    },
    release: () => session.release(),
  };
}

/** Whether rows are compared by a share for each label; undefined where each has one label for certain. */
function softTruthOf({
  train,
  objective,
  problemType,
  teacher,
}: PreparedTask): SoftTruth | undefined {
  if (teacher) return { temperature: teacher.temperature };
  const isSoft =
    objective === "head" &&
    problemType === "single_label_classification" &&
    train.some(({ shares }) => shares);
  return isSoft ? { temperature: null } : undefined;
}

/** The facts of a task that has a label for texts that fit none, before its limit is known. */
export const withOther = (facts: TaskFacts, label: string): TaskFacts => ({
  ...facts,
  other: unsettledOther(label),
});

/** Which tags follow which in the training rows, as a task's file holds it. */
function transitionTensors(
  chains: readonly Int32Array[],
  labels: readonly string[],
): Map<string, TensorOf<"float32">> {
  const { between, start } = countTransitions(chains, labels);
  const C = labels.length;
  return new Map([
    [TRANSITIONS, float32([C, C], between)],
    [START_TRANSITIONS, float32([C], start)],
  ]);
}
