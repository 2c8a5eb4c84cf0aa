/**
 * The training graph: a frozen encoder whose past keys and values are cut out of the prefix, a
 * head, a loss, and the gradients of whatever is trained, in one ONNX graph.
 *
 * The encoder is built by the same function as the graph that serves, so what is trained is what
 * will answer. Random numbers stay outside: dropout masks are inputs, so that a resumed run sees
 * the same masks. B, T and P are symbols: one session runs batches of every size.
 */
import { InputError } from "../../src/core/errors.ts";
import type { Pooling, ProblemType } from "../../src/core/manifest.ts";
import {
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  POOLER_BIAS,
  POOLER_WEIGHT,
  PROMPT_EMBEDDINGS,
  gradOf,
  sizeOf,
} from "../../src/core/shapes.ts";
import { float32, int64 } from "../../src/core/tensor.ts";
import type { TensorOf } from "../../src/core/tensor.ts";
import type {
  Architecture,
  EncoderConfig,
  EncoderInputs,
  Weights,
} from "../import/architecture.ts";
import { tokenInputs } from "../import/inputs.ts";
import { gradients } from "../onnx/grad.ts";
import { Graph } from "../onnx/graph.ts";
import type { Value } from "../onnx/graph.ts";
import * as ops from "../onnx/ops.ts";

/** Graph inputs and outputs that only training has. */
export const LABELS = "labels";
export const PREFIX_DROPOUT = "prefix_dropout";
export const HEAD_DROPOUT = "head_dropout";
export const LOSS = "loss";
export const LOGITS = "logits";

/** Label of a position that the loss leaves out, as in torch's cross entropy. */
export const IGNORED_LABEL = -100;

export interface TrainingGraphOptions {
  readonly architecture: Architecture;
  readonly config: EncoderConfig;
  /** Float weights by a base's names and layout (baseFloatWeights). */
  readonly weights: Weights;
  /** The base's pooler, needed when `pooling` is "pooler". */
  readonly pooler?: Weights | null;
  /** Whether a prefix is trained with the head; false leaves the base as it is ("linear"). */
  readonly hasPrefix?: boolean;
  /** "none" is token classification: every position has its own logits. */
  readonly pooling: Pooling;
  readonly numLabels: number; // C
  readonly problemType?: ProblemType;
  /** Adds the input `prefix_dropout`, see prefixDropoutDims. */
  readonly prefixDropout?: boolean;
  /** Adds the input `head_dropout`, see headDropoutDims. */
  readonly headDropout?: boolean;
}

export interface TrainingGraph {
  /**
   * Inputs: the encoder's token inputs (query_length 1 for pooler and cls, T otherwise), `labels`
   * (see lossOf), the targets, dropout masks. Outputs: `loss`, `logits` [B, C] or [B, T, C],
   * `<target>.grad` in each target's shape.
   */
  readonly graph: Graph;
  /** Names of what is trained: `prompt_embeddings` [P, 2*L*N*D], `classifier.weight`, `classifier.bias`. */
  readonly targets: readonly string[];
}

/** Builds forward, loss and backward; throws InputError `training-unsupported` on a combination that has no loss. */
export function buildTrainingGraph(options: TrainingGraphOptions): TrainingGraph {
  const { architecture, config, weights, pooling, numLabels } = options;
  const g = new Graph();
  const tokens = tokenInputs(g);
  const prefix =
    options.hasPrefix === false
      ? null
      : g.input(PROMPT_EMBEDDINGS, "float32", ["P", prefixWidth(config)]);
  const past = prefix
    ? prefixPast(g, config, prefix, tokens.inputIds, options.prefixDropout === true)
    : emptyPast(g, config, tokens.inputIds);
  const inputs: EncoderInputs = { ...tokens, past };
  const { lastHiddenState } = architecture.buildEncoder(g, config, weights, inputs);

  const weight = g.input(CLASSIFIER_WEIGHT, "float32", [numLabels, config.hidden]);
  const bias = g.input(CLASSIFIER_BIAS, "float32", [numLabels]);
  let features = pool(g, options, inputs, lastHiddenState); // [B, H] or [B, Q, H]
  if (options.headDropout) {
    const mask = g.input(HEAD_DROPOUT, "float32", ["B", config.hidden]);
    features = ops.Mul(g, features, pooling === "none" ? ops.Unsqueeze(g, mask, 1) : mask);
  }
  const rows = pooling === "none" ? ops.Reshape(g, features, [-1, config.hidden]) : features;
  const logits = ops.Add(g, ops.FusedMatMul(g, rows, weight, { transB: true }), bias); // [M, C]
  const loss = lossOf(g, options, logits);

  g.output(loss, LOSS);
  const shaped = pooling === "none" ? byPosition(g, logits, lastHiddenState, numLabels) : logits;
  g.output(shaped, LOGITS);
  const targets = [...(prefix ? [prefix] : []), weight, bias];
  for (const [target, gradient] of gradients(g, loss, targets)) {
    g.output(gradient, gradOf(target.name));
  }
  return { graph: g, targets: targets.map(({ name }) => name) };
}

const prefixWidth = ({ layers, kvHeads, headSize }: EncoderConfig): number =>
  2 * layers * kvHeads * headSize;

/** `prompt_embeddings` [P, 2*L*N*D] -> keys and values [B, N, P, D] of every layer (core/prefix.ts). */
function prefixPast(
  g: Graph,
  config: EncoderConfig,
  prefix: Value,
  inputIds: Value,
  hasDropout: boolean,
): EncoderInputs["past"] {
  const { layers: L, kvHeads: N, headSize: D } = config;
  const bySide = ops.Transpose(g, ops.Reshape(g, prefix, [-1, 2 * L, N, D]), [1, 2, 0, 3]); // [2L, N, P, D]
  const split = (x: Value): Value[] =>
    g.addAll(
      "Split",
      [x, g.ints(...Array<number>(2 * L).fill(1))],
      { axis: 0 },
      { outputs: 2 * L },
    );
  const sides = split(bySide); // 2L of [1, N, P, D]
  let rows: Value[];
  if (hasDropout) {
    const masks = split(g.input(PREFIX_DROPOUT, "float32", [2 * L, "B", 1, "P", 1]));
    rows = sides.map((side, i) => ops.Mul(g, side, ops.Squeeze(g, masks[i]!, 0)));
  } else {
    const shape = ops.Concat(g, [ops.Shape(g, inputIds, 0, 1), g.ints(1, 1, 1)], 0);
    rows = sides.map((side) => ops.Expand(g, side, shape, ["B", N, "P", D]));
  }
  return Array.from({ length: L }, (_, layer) => ({
    key: rows[2 * layer]!,
    value: rows[2 * layer + 1]!,
  }));
}

/** A prefix of no tokens: keys and values [B, N, 0, D]. */
function emptyPast(
  g: Graph,
  { layers, kvHeads: N, headSize: D }: EncoderConfig,
  inputIds: Value,
): EncoderInputs["past"] {
  const shape = ops.Concat(g, [ops.Shape(g, inputIds, 0, 1), g.ints(N, 0, D)], 0);
  const empty = g.add("ConstantOfShape", [shape], {}, { dims: ["B", N, "P", D] });
  return Array.from({ length: layers }, () => ({ key: empty, value: empty }));
}

/** Hidden states [B, Q, H] -> what the head reads; the same formulas as core/head.ts. */
function pool(
  g: Graph,
  { pooling, pooler }: TrainingGraphOptions,
  inputs: EncoderInputs,
  hidden: Value,
): Value {
  const first = (): Value => ops.Squeeze(g, ops.Slice(g, hidden, g.ints(0), g.ints(1), 1), 1); // [B, H]
  switch (pooling) {
    case "none":
      return hidden;
    case "cls":
      return first();
    case "pooler": {
      const dense = pooler?.get(POOLER_WEIGHT);
      const bias = pooler?.get(POOLER_BIAS);
      if (!dense || !bias) {
        throw new InputError(
          "training-unsupported",
          `pooling "pooler": the base has no pooler; allowed are "cls" and "mean"`,
        );
      }
      const product = ops.FusedMatMul(g, first(), g.constant(POOLER_WEIGHT, dense), {
        transB: true,
      });
      return ops.Tanh(g, ops.Add(g, product, g.constant(POOLER_BIAS, bias)));
    }
    case "mean": {
      // The mask covers the prefix too: its last T columns are the tokens.
      const start = ops.Neg(g, ops.Shape(g, inputs.inputIds, 1, 2));
      const toTheEnd = g.ints(2 ** 31 - 1);
      const mask = ops.Slice(g, inputs.attentionMask, start, toTheEnd, 1, ["B", "Q"]);
      const ones = ops.Unsqueeze(g, ops.Cast(g, mask, "float32"), 1); // [B, 1, Q]
      const shares = ops.Div(g, ones, ops.ReduceSum(g, ones, { axes: [2] }));
      return ops.Squeeze(g, ops.MatMul(g, shares, hidden), 1);
    }
    default:
      throw new InputError("training-unsupported", `pooling "${pooling satisfies never}"`);
  }
}

/**
 * The mean loss of logits [M, C], a scalar. `labels`: int64 [B] or [B, T] for one label of C, where
 * -100 leaves a position out; float32 [B, C] of 0 and 1 for multi_label_classification; float32
 * [B, C] for regression.
 */
function lossOf(
  g: Graph,
  { pooling, problemType = "single_label_classification", numLabels: C }: TrainingGraphOptions,
  logits: Value,
): Value {
  const meanOverAll = (x: Value): Value => ops.ReduceMean(g, x, { axes: [0, 1], keepdims: false });
  if (problemType === "single_label_classification") {
    // A label outside 0..C-1, such as -100, equals no class: its row of ones and zeros is all zero.
    const labels = g.input(LABELS, "int64", pooling === "none" ? ["B", "Q"] : ["B"]);
    const classes = g.constant(
      "classes",
      int64(
        [C],
        Array.from({ length: C }, (_, c) => c),
      ),
    );
    const hits = ops.Equal(g, ops.Unsqueeze(g, ops.Reshape(g, labels, [-1]), 1), classes);
    const oneHot = ops.Cast(g, hits, "float32"); // [M, C]
    const sum = (x: Value): Value => ops.ReduceSum(g, x, { axes: [0, 1], keepdims: false });
    const count = ops.Max(g, sum(oneHot), g.scalar(1));
    return ops.Neg(g, ops.Div(g, sum(ops.Mul(g, ops.LogSoftmax(g, logits), oneHot)), count));
  }
  if (pooling === "none") {
    throw new InputError(
      "training-unsupported",
      `token classification with problem_type "${problemType}": allowed is single_label_classification`,
    );
  }
  const labels = g.input(LABELS, "float32", ["B", C]);
  if (problemType === "multi_label_classification") {
    // Binary cross entropy of a logit z and a label y: log(1 + exp(z)) - z y.
    return meanOverAll(ops.Sub(g, g.add("Softplus", [logits]), ops.Mul(g, logits, labels)));
  }
  problemType satisfies "regression";
  const difference = ops.Sub(g, logits, labels);
  return meanOverAll(ops.Mul(g, difference, difference));
}

/** [B*Q, C] -> [B, Q, C]. */
function byPosition(g: Graph, logits: Value, hidden: Value, numLabels: number): Value {
  const shape = ops.Concat(g, [ops.Shape(g, hidden, 0, 2), g.ints(numLabels)], 0);
  return ops.ReshapeTo(g, logits, shape, [...hidden.dims.slice(0, 2), numLabels]);
}

/**
 * Dims of `prefix_dropout`: one number for a row's virtual token, per layer and per key or value.
 * The reference draws one per element, 2.4 million random numbers a step at B 32 and P 16; dropping
 * whole virtual tokens regularises the same way with a few thousand.
 */
export const prefixDropoutDims = (
  { layers }: Pick<EncoderConfig, "layers">,
  batch: number,
  numVirtualTokens: number,
): readonly number[] => [2 * layers, batch, 1, numVirtualTokens, 1];

/** Dims of `head_dropout`: one number per row and channel, shared by a row's positions. */
export const headDropoutDims = (
  { hidden }: Pick<EncoderConfig, "hidden">,
  batch: number,
): readonly number[] => [batch, hidden];

/** A dropout mask: 0 with probability `rate`, else 1 / (1 - rate). `random` draws from [0, 1). */
export function dropoutMask(
  dims: readonly number[],
  rate: number,
  random: () => number,
): TensorOf<"float32"> {
  const kept = 1 / (1 - rate);
  const data = Float32Array.from({ length: sizeOf(dims) }, () => (random() < rate ? 0 : kept));
  return float32(dims, data);
}
