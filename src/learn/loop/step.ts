/**
 * The training session: a base, a head and a loss as one graph on the native runtime, and the step
 * function that the trainer calls. Every run takes the parameters and returns gradients; the session
 * itself keeps no state.
 */
import { collateTokens } from "../../core/model/collate.ts";
import { queriesOf } from "../../core/model/answer.ts";
import type { BaseManifest } from "../../core/format/manifest.ts";
import type { ProblemType } from "../../core/model/task.ts";
import { INPUT_IDS, gradOf, sizeOf } from "../../core/model/shapes.ts";
import { float32, int64, toFloat32 } from "../../core/model/tensor.ts";
import type { Tensor, TensorOf } from "../../core/model/tensor.ts";
import { WORD_SHAPES } from "../../core/model/word-shapes.ts";
import type { Feeds, GraphFiles, Session } from "../../engine/session.ts";
import { baseConfig, baseFloatWeights, basePooler } from "../../encoder/base.ts";
import type { Base } from "../../encoder/base.ts";
import { packGraph } from "../../graph/encoding/pack.ts";
import { PREFIX_DROPOUT, dropoutMask, prefixDropoutDims } from "../graph/dropout.ts";
import type { Feature } from "../data/features.ts";
import { LOSS, SHAPES, buildTrainingGraph } from "../graph/training-graph.ts";
import type { GraphWeights } from "../graph/weights.ts";
import { FEATURES_GRADIENT, IGNORED_LABEL, LABELS, TAUGHT } from "../graph/loss.ts";
import type { SoftTruth } from "../graph/loss.ts";
import { createSum, microBatches } from "./micro-batches.ts";
import type { PartResult } from "./micro-batches.ts";
import { contrastiveStep } from "./contrastive-step.ts";
import { parametersOf } from "../graph/parameters.ts";
import type { Encoder, Parameter, Target, Arrays } from "../graph/parameters.ts";
import { derive, uniforms } from "../random.ts";
import type { Key } from "../random.ts";
import type { StepResult } from "./trainer.ts";

export interface StepOptions {
  readonly target: Target;
  readonly problemType: ProblemType;
  /** Some rows have a share for each label, so all are compared in that form. */
  readonly softTruth?: SoftTruth | undefined;
  /** Share of virtual tokens left out in a step. */
  readonly prefixDropout: number;
  /** Tokens of one run; a longer batch takes several. */
  readonly maxTokens?: number;
  /** What a head would read of rows under parameters, [B, H]: for a contrastive objective, and only for it. */
  readonly embed?:
    ((rows: readonly Feature[], params: Arrays) => Promise<Float32Array>) | undefined;
  /** What the encoder computes with (graph/weights.ts); default: its float weights. */
  readonly computed?: GraphWeights;
}

export interface TrainingSession {
  readonly parameters: readonly Parameter[];
  step(batch: readonly Feature[], params: Arrays, key: Key): Promise<StepResult>;
  release(): Promise<void>;
}

/** The encoder of a base as training sees it: its own (dequantized) weights in float32. */
export const encoderOf = (base: Base): Encoder => ({
  ...baseConfig(base),
  weights: baseFloatWeights(base),
  pooler: basePooler(base),
});

/** Builds and loads the training graph over a base's encoder. */
export async function openTrainingSession(
  encoder: Encoder,
  manifest: BaseManifest,
  { target, problemType, softTruth, prefixDropout, computed, maxTokens, embed }: StepOptions,
  createSession: (files: GraphFiles) => Promise<Session>,
): Promise<TrainingSession> {
  const { config, architecture } = encoder;
  const { pooling, numLabels, numVirtualTokens, parts } = target;
  const parameters = parametersOf(target, encoder);
  const hasDropout = parts.prefix !== "none" && prefixDropout > 0 && !embed;
  const { graph, targets } = buildTrainingGraph({
    ...encoder,
    ...target,
    problemType,
    softTruth,
    prefixDropout: hasDropout,
    ...(computed && { computed }),
  });
  const session = await createSession(packGraph(graph));
  const fetches = [LOSS, ...targets.map(gradOf)];
  const hasTeacher = typeof softTruth?.temperature === "number";
  const table = parts.weights ? tableGradient(config.vocab, config.hidden) : null;

  const kind = pooling === "none" ? "token" : softTruth ? "shares" : problemType;
  async function run(
    rows: readonly Feature[],
    params: Arrays,
    more: PartInputs,
  ): Promise<PartResult> {
    const tokens = rows.map(({ ids, typeIds }) => ({ ids, typeIds, positionOffset: 0 }));
    const virtual = rows.map(() => numVirtualTokens);
    const { feeds, length } = collateTokens(
      tokens,
      virtual,
      manifest.configuration,
      queriesOf(pooling),
    );
    const labels = labelsOf(rows, length, numLabels, kind);
    const truth = more.gradient
      ? { [FEATURES_GRADIENT]: float32([rows.length, config.hidden], more.gradient) }
      : { [LABELS]: labels, ...(hasTeacher && { [TAUGHT]: taughtOf(rows, numLabels) }) };
    const all: Feeds = { ...feeds, ...truth };
    for (const { name, dims } of parameters) all[name] = float32(dims, params[name]!);
    if (more.mask) all[PREFIX_DROPOUT] = more.mask;
    if (target.readsWords) all[SHAPES] = shapesOf(rows, length);
    const outputs = await session.run(all, fetches);
    const grads: Record<string, Float32Array> = {};
    for (const name of targets) grads[name] = toFloat32(outputs[gradOf(name)]!);
    if (table) {
      const name = architecture.wordTable;
      grads[name] = table(feeds[INPUT_IDS]!, grads[name]!);
    }
    return { loss: toFloat32(outputs[LOSS]!)[0]!, grads, labels: countLabels(labels, rows.length) };
  }

  return {
    parameters,
    async step(batch, params, key) {
      if (embed) {
        const features = await embed(batch, params);
        return contrastiveStep(batch, features, (rows, gradient) =>
          run(rows, params, { gradient }),
        );
      }
      const dims = prefixDropoutDims(config, batch.length, numVirtualTokens);
      const mask = hasDropout
        ? dropoutMask(dims, prefixDropout, uniforms(derive(key, "prefix")))
        : null;
      const lengths = batch.map(({ ids }) => ids.length);
      const parts = microBatches(lengths, numVirtualTokens, maxTokens);
      if (parts.length === 1) return run(batch, params, { mask });
      const sum = createSum();
      for (const { from, to } of parts) {
        const own = mask && maskOf(mask, from, to);
        sum.add(await run(batch.slice(from, to), params, { mask: own }));
      }
      return sum.mean();
    },
    release: () => session.release(),
  };
}

/** What a run takes besides rows and parameters. */
interface PartInputs {
  readonly mask?: TensorOf<"float32"> | null;
  /** In place of labels: the gradient for what the head would read, [B, H]. */
  readonly gradient?: Float32Array;
}

/** The mask [2L, B, 1, P, 1] of rows [from, to). */
function maskOf(
  { dims, data }: TensorOf<"float32">,
  from: number,
  to: number,
): TensorOf<"float32"> {
  const [outer = 0, rows = 0, , virtual = 0] = dims;
  const part = new Float32Array(outer * (to - from) * virtual);
  for (let i = 0; i < outer; i++) {
    const start = (i * rows + from) * virtual;
    part.set(data.subarray(start, start + (to - from) * virtual), i * (to - from) * virtual);
  }
  return float32([outer, to - from, 1, virtual, 1], part);
}

/** One-hot word shapes [B, T, S]. */
function shapesOf(batch: readonly Feature[], length: number): TensorOf<"float32"> {
  const size = WORD_SHAPES.length;
  const values = new Float32Array(batch.length * length * size);
  for (const [b, { shapes }] of batch.entries()) {
    for (const [t, shape] of (shapes ?? []).entries()) {
      if (shape >= 0) values[(b * length + t) * size + shape] = 1;
    }
  }
  return float32([batch.length, length, size], values);
}

/** What the mean loss divides by, up to a factor that all parts share. */
function countLabels({ dtype, data }: Tensor, rows: number): number {
  if (dtype !== "int64") return rows;
  return (data as BigInt64Array).reduce((count, label) => count + Number(label >= 0n), 0);
}

/**
 * Adds up the gradients of a batch's word rows where their words stand in the table. One array is
 * used for all steps: only the rows of the last batch are cleared, not millions of zeros.
 */
export function tableGradient(vocab: number, hidden: number) {
  const gradient = new Float32Array(vocab * hidden);
  let used: readonly number[] = [];
  return (inputIds: Tensor, rows: Float32Array): Float32Array => {
    for (const id of used) gradient.fill(0, id * hidden, (id + 1) * hidden);
    used = Array.from(inputIds.data, Number);
    for (const [i, id] of used.entries()) {
      for (let h = 0; h < hidden; h++) gradient[id * hidden + h]! += rows[i * hidden + h]!;
    }
    return gradient;
  };
}

/**
 * What the loss compares with (lossOf): [B] for one label a text, [B, T] for tokens, padded with the
 * label that the loss leaves out, [B, C] of shares, [B, C] of 0 and 1 for several labels, [B, C] for
 * numbers.
 */
function labelsOf(
  batch: readonly Feature[],
  length: number,
  numLabels: number,
  kind: ProblemType | "token" | "shares",
): Tensor {
  const rows = batch.length;
  switch (kind) {
    case "token": {
      const labels = new Int32Array(rows * length).fill(IGNORED_LABEL);
      for (const [b, feature] of batch.entries()) labels.set(feature.labels, b * length);
      return int64([rows, length], labels);
    }
    case "single_label_classification":
      return int64(
        [rows],
        batch.map(({ labels }) => labels[0] ?? IGNORED_LABEL),
      );
    case "shares": {
      const shares = new Float32Array(sizeOf([rows, numLabels]));
      for (const [b, feature] of batch.entries()) {
        const label = feature.labels[0] ?? IGNORED_LABEL;
        if (feature.shares) shares.set(feature.shares, b * numLabels);
        else if (label >= 0) shares[b * numLabels + label] = 1;
      }
      return float32([rows, numLabels], shares);
    }
    case "multi_label_classification": {
      const hits = new Float32Array(sizeOf([rows, numLabels]));
      for (const [b, { labels, shares }] of batch.entries()) {
        if (shares) hits.set(shares, b * numLabels);
        else for (const label of labels) if (label >= 0) hits[b * numLabels + label] = 1;
      }
      return float32([rows, numLabels], hits);
    }
    case "regression":
      return float32(
        [rows, numLabels],
        Float32Array.from(batch, ({ value }) => value ?? 0),
      );
    default:
      throw new TypeError(`labels of ${kind satisfies never}`);
  }
}

/** What a teacher answers to the rows, [B, C]; zeros where it was not asked. */
function taughtOf(batch: readonly Feature[], numLabels: number): TensorOf<"float32"> {
  const answers = new Float32Array(sizeOf([batch.length, numLabels]));
  for (const [b, { taught }] of batch.entries()) if (taught) answers.set(taught, b * numLabels);
  return float32([batch.length, numLabels], answers);
}
