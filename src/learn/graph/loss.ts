/**
 * The end of a training graph: pooling of the hidden states, and the loss of the logits. The same formulas as core/model/head.ts; a test ties the two.
 */
import { InputError } from "../../core/errors.ts";
import type { ProblemType } from "../../core/model/task.ts";
import type { Pooling } from "../../core/model/head.ts";
import { POOLER_BIAS, POOLER_WEIGHT } from "../../core/model/shapes.ts";
import { int64 } from "../../core/model/tensor.ts";
import type { EncoderInputs } from "../../encoder/layers/inputs.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";

/** The graph input that holds the truth. */
export const LABELS = "labels";
/** The graph input that holds a teacher's softened answers. */
export const TAUGHT = "taught";

/** Label of a position that the loss leaves out, as in torch's cross entropy. */
export const IGNORED_LABEL = -100;

/** Hidden states [B, Q, H] -> what the head reads: [B, H], or [B, Q, H] for "none". */
export function pool(
  g: Graph,
  pooling: Pooling,
  pooler: { weight: Value; bias: Value } | null,
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
      if (!pooler) {
        throw new InputError(
          "training-unsupported",
          `pooling "pooler": the base has no ${POOLER_WEIGHT} and ${POOLER_BIAS}; allowed are "cls" and "mean"`,
        );
      }
      const product = ops.FusedMatMul(g, first(), pooler.weight, { transB: true });
      return ops.Tanh(g, ops.Add(g, product, pooler.bias));
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

/** The gradient of a loss that was computed outside of the graph, for the features [B, H]. */
export const FEATURES_GRADIENT = "features.grad";

/** A scalar whose gradient for the features is the input `features.grad`. */
export function alongGradient(g: Graph, features: Value): Value {
  const along = ops.Mul(g, features, g.input(FEATURES_GRADIENT, "float32", features.dims));
  return ops.ReduceSum(g, along, { axes: [0, 1], keepdims: false });
}

export interface LossOptions {
  readonly pooling: Pooling;
  readonly numLabels: number; // C
  readonly problemType?: ProblemType;
  /** The truth of a text is a share for each label (single_label_classification). */
  readonly softTruth?: SoftTruth | undefined;
}

export interface SoftTruth {
  /** What logits are divided by to be compared with a teacher's answers; null without a teacher. */
  readonly temperature: number | null;
}

/**
 * The mean loss of logits [M, C], a scalar. `labels`: int64 [B] or [B, T] for one label of C, where
 * -100 leaves a position out; float32 [B, C] of shares for `softTruth`, with `taught` beside it where
 * there is a teacher; float32 [B, C] of 0 and 1 for multi_label_classification; float32 [B, C] for
 * regression.
 */
export function lossOf(
  g: Graph,
  { pooling, problemType = "single_label_classification", numLabels: C, softTruth }: LossOptions,
  logits: Value,
): Value {
  const meanOverAll = (x: Value): Value => ops.ReduceMean(g, x, { axes: [0, 1], keepdims: false });
  if (problemType === "single_label_classification" && softTruth && pooling !== "none") {
    const { temperature } = softTruth;
    // Cross entropy of a distribution: - sum of q log softmax(z). With a teacher, the same of its
    // softened answer and z / T is added; features.ts has weighted both.
    const entropy = (name: string, scores: Value): Value =>
      ops.Mul(g, ops.LogSoftmax(g, scores), g.input(name, "float32", ["B", C]));
    const own = entropy(LABELS, logits);
    const all =
      temperature === null
        ? own
        : ops.Add(g, own, entropy(TAUGHT, ops.Div(g, logits, g.scalar(temperature))));
    return ops.Mul(g, meanOverAll(all), g.scalar(-C));
  }
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
