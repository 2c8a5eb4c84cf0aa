/**
 * Supervised contrastive loss (Khosla et al., arXiv 2004.11362): rows of one label are drawn together,
 * all others pushed apart. Which rows belong together is an input, so that one label, several labels and
 * numbers are one graph.
 */
import type { Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";

/** Share of each pair in the loss [B, B]; all sum to 1, or are 0 where there is no pair. */
export const PAIR_WEIGHTS = "pair_weights";
/** What is added to a pair's similarity [B, B]: 0, or so little that the pair is left out. */
export const PAIR_MASK = "pair_mask";
/** The paper's, and SimCLR's: lower ones look at the nearest rows only. */
const TEMPERATURE = 0.1;
/** Keeps the length of a row of zeros above zero. */
const LEAST_LENGTH = 1e-12;

/** Features [B, H] -> the loss, a scalar: -sum over pairs of weight * log softmax(cosine / temperature). */
export function contrastiveLoss(g: Graph, features: Value): Value {
  const squares = ops.ReduceSum(g, ops.Mul(g, features, features), { axes: [1] });
  const length = ops.Sqrt(g, ops.Add(g, squares, g.scalar(LEAST_LENGTH)));
  const unit = ops.Div(g, features, length);
  const similar = ops.FusedMatMul(g, unit, unit, { transB: true, alpha: 1 / TEMPERATURE });
  const masked = ops.Add(g, similar, g.input(PAIR_MASK, "float32", ["B", "B"]));
  const likelihood = ops.Mul(
    g,
    ops.LogSoftmax(g, masked),
    g.input(PAIR_WEIGHTS, "float32", ["B", "B"]),
  );
  return ops.Neg(g, ops.ReduceSum(g, likelihood, { axes: [0, 1], keepdims: false }));
}
