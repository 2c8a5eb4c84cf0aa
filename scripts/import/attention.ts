/**
 * Multi-head attention over a prefix and the tokens, from ops that have simple gradients:
 * scores = query key^T / sqrt(D) + bias, probabilities = softmax(scores), context = probabilities value.
 * ONNX Runtime fuses the transposes and the scale into its matrix products by itself.
 */
import type { Graph, Value } from "../onnx/graph.ts";
import * as ops from "../onnx/ops.ts";
import type { EncoderConfig, EncoderInputs } from "./architecture.ts";

/**
 * Added to the scores of masked columns. Finite, so that a row with nothing to attend to gives
 * numbers and not NaN; large enough that exp() of the difference is exactly 0.
 */
const MASKED = -1e9;

/** [B, P+T] int64 mask -> [B, 1, 1, P+T] float32: 0 where attended, MASKED elsewhere. */
export function attentionBias(g: Graph, mask: Value): Value {
  const hidden = ops.Sub(g, g.scalar(1), ops.Cast(g, mask, "float32"));
  return ops.Unsqueeze(g, ops.Mul(g, hidden, g.scalar(MASKED)), 1, 2);
}

/** Shapes that are known only at run time, computed once for all layers. */
export interface AttentionShapes {
  readonly config: EncoderConfig;
  readonly tokens: Value; // (B, T, N, D)
  readonly queries: Value; // (B, Q, N, D)
  readonly output: Value; // (B, Q, H)
}

export function attentionShapes(
  g: Graph,
  config: EncoderConfig,
  inputs: EncoderInputs,
): AttentionShapes {
  const batch = ops.Shape(g, inputs.inputIds, 0, 1);
  const heads = g.ints(config.heads, config.headSize);
  return {
    config,
    tokens: ops.Concat(g, [ops.Shape(g, inputs.inputIds, 0, 2), heads], 0),
    queries: ops.Concat(g, [batch, inputs.queryLength, heads], 0),
    output: ops.Concat(g, [batch, inputs.queryLength, g.ints(config.hidden)], 0),
  };
}

export interface AttentionCall {
  readonly query: Value; // [B*T, H], [B*Q, H] in the last layer
  readonly key: Value; // [B*T, H]
  readonly value: Value; // [B*T, H]
  readonly past: { readonly key: Value; readonly value: Value }; // [B, N, P, D]
  readonly bias: Value; // [B, 1, 1, P+T]
  readonly isLast: boolean;
}

/** One layer's attention; answers [B*T, H], [B*Q, H] in the last layer. */
export function attention(g: Graph, shapes: AttentionShapes, call: AttentionCall): Value {
  const { heads: N, headSize: D, hidden: H } = shapes.config;
  const split = (x: Value, shape: Value, length: string): Value =>
    ops.Transpose(g, ops.ReshapeTo(g, x, shape, ["B", length, N, D]), [0, 2, 1, 3]);
  const query = call.isLast
    ? split(call.query, shapes.queries, "Q")
    : split(call.query, shapes.tokens, "T"); // [B, N, T, D]
  const key = ops.Concat(g, [call.past.key, split(call.key, shapes.tokens, "T")], 2);
  const value = ops.Concat(g, [call.past.value, split(call.value, shapes.tokens, "T")], 2);

  const products = ops.MatMul(g, query, ops.Transpose(g, key, [0, 1, 3, 2])); // [B, N, T, P+T]
  const scores = ops.Add(g, ops.Mul(g, products, g.scalar(1 / Math.sqrt(D))), call.bias);
  const context = ops.MatMul(g, ops.Softmax(g, scores), value); // [B, N, T, D]
  return ops.Reshape(g, ops.Transpose(g, context, [0, 2, 1, 3]), [-1, H]);
}
