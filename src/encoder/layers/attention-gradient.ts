/**
 * The gradient of attention in closed form (derived in onnx/GRADIENTS.md). The rules of its ops
 * compose to the same numbers; stated as a whole it needs fewer passes over [T, P+T], and the
 * products that have a transposed left factor take the narrow one: dO' A is twice as fast as A' dO.
 */
import { once } from "../../graph/gradient/rule-shapes.ts";
import type { Dim, Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";

/** What the forward pass computed, and the gradient of its result. S = P+T+R columns. */
export interface Attended {
  readonly query: Value; // [B, N, T, D]
  readonly key: Value; // [B, N, S, D]
  readonly value: Value; // [B, N, S, D]
  readonly shares: Value; // [B, N, T, S]
  readonly context: Value; // [B, N, T, D]
  readonly dContext: Value; // [B, N, T, D]
}

/**
 * Emits the gradients of query, key and value [B*T, H] and of the past key and value [B, N, P, D].
 * `prefixLength` and `columns` are P and P+T as [1] values: beyond, the scores are padding.
 */
export function attentionGradient(
  g: Graph,
  { query, key, value, shares, context, dContext }: Attended,
  { prefixLength, columns }: { readonly prefixLength: Value; readonly columns: Value },
): (() => Value)[] {
  const [, heads, , headSize] = key.dims as [Dim, number, Dim, number];
  const alpha = 1 / Math.sqrt(headSize);
  const dScores = once(() => {
    // The row sums of dA * A are those of dO * O, which is D wide instead of P+T.
    const inner = ops.ReduceSum(g, ops.Mul(g, dContext, context), { axes: [3] });
    const dShares = ops.FusedMatMul(g, dContext, value, { transB: true });
    return ops.Mul(g, shares, ops.Sub(g, dShares, inner)); // [B, N, T, S], without alpha
  });
  const dKey = once(() => ops.FusedMatMul(g, query, dScores(), { transA: true, alpha })); // [B, N, D, S]
  const dValue = once(() => ops.FusedMatMul(g, dContext, shares, { transA: true })); // [B, N, D, S]

  const toRows = (x: Value, perm: readonly number[]): Value =>
    ops.Reshape(g, ops.Transpose(g, x, perm), [-1, heads * headSize]);
  const ofTokens = (dx: Value): Value =>
    toRows(ops.Slice(g, dx, prefixLength, columns, 3, ["B", heads, headSize, "T"]), [0, 3, 1, 2]);
  const ofPast = (dx: Value): Value =>
    ops.Transpose(
      g,
      ops.Slice(g, dx, g.ints(0), prefixLength, 3, ["B", heads, headSize, "P"]),
      [0, 1, 3, 2],
    );
  return [
    () => toRows(ops.FusedMatMul(g, dScores(), key, { alpha }), [0, 2, 1, 3]),
    () => ofTokens(dKey()),
    () => ofTokens(dValue()),
    () => ofPast(dKey()),
    () => ofPast(dValue()),
  ];
}
