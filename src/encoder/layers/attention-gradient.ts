/**
 * The gradient of attention in closed form (derived in src/graph/gradient/GRADIENTS.md). The rules of its ops
 * give the same numbers. Stated as a whole it needs fewer passes over [T, P+T], and each product with
 * a transposed left factor transposes the narrow one: dO' A is twice as fast as A' dO.
 */
import { once } from "../../graph/gradient/rule-shapes.ts";
import type { Dim, Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";

/** What the forward pass computed, and the gradient of its result. S = P+T+R columns. */
export interface Attended {
  readonly query: Value; // [B, N, T, D]
  readonly key: Value; // [B, N, S, D], repeated where query heads share it
  readonly value: Value; // [B, N, S, D]
  readonly shares: Value; // [B, N, T, S]
  readonly context: Value; // [B, N, T, D]
  readonly dContext: Value; // [B, N, T, D]
}

/** `prefixLength` and `columns` are P and P+T as [1] values: beyond, the scores are padding. */
export interface Columns {
  readonly kvHeads: number;
  readonly prefixLength: Value;
  readonly columns: Value;
}

/**
 * Emits the gradients of query [B*T, N*D], of key and value [B*T, kvHeads*D], and of the past key
 * and value [B, kvHeads, P, D].
 */
export function attentionGradient(
  g: Graph,
  { query, key, value, shares, context, dContext }: Attended,
  { kvHeads, prefixLength, columns }: Columns,
): (() => Value)[] {
  const [, heads, , headSize] = key.dims as [Dim, number, Dim, number];
  const alpha = 1 / Math.sqrt(headSize);
  const dScores = once(() => {
    // The row sums of dA * A are those of dO * O, which is D wide instead of P+T.
    const inner = ops.ReduceSum(g, ops.Mul(g, dContext, context), { axes: [3] });
    const dShares = ops.FusedMatMul(g, dContext, value, { transB: true });
    return ops.Mul(g, shares, ops.Sub(g, dShares, inner)); // [B, N, T, S], without alpha
  });
  /** A key head's gradient is the sum over the query heads that share it: N -> kvHeads. */
  const overGroup = (dx: Value): Value => {
    if (kvHeads === heads) return dx;
    const grouped = ops.Reshape(g, dx, [0, kvHeads, heads / kvHeads, headSize, -1]);
    return ops.ReduceSum(g, grouped, { axes: [2], keepdims: false });
  };
  const dKey = once(() => overGroup(ops.FusedMatMul(g, query, dScores(), { transA: true, alpha }))); // [B, kvHeads, D, S]
  const dValue = once(() => overGroup(ops.FusedMatMul(g, dContext, shares, { transA: true })));

  const toRows = (x: Value, perm: readonly number[]): Value =>
    ops.Reshape(g, ops.Transpose(g, x, perm), [-1, Number(x.dims[1]) * headSize]);
  const ofTokens = (dx: Value): Value =>
    toRows(ops.Slice(g, dx, prefixLength, columns, 3, ["B", kvHeads, headSize, "T"]), [0, 3, 1, 2]);
  const ofPast = (dx: Value): Value =>
    ops.Transpose(
      g,
      ops.Slice(g, dx, g.ints(0), prefixLength, 3, ["B", kvHeads, headSize, "P"]),
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
