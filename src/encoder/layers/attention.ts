/**
 * Multi-head attention over a prefix and the tokens (arXiv 1706.03762), from ops that have simple
 * gradients: scores = query key^T / sqrt(D) + bias, shares = softmax(scores), context = shares value.
 * With fewer key heads than query heads, each key head serves a group of neighbouring query heads
 * (grouped-query attention, arXiv 2305.13245).
 *
 * For training ONNX Runtime fuses the transposes and the scale into its matrix products by itself; a
 * graph that serves is written so, since looking for what can be fused would delay its first answer.
 */
import type { Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import { attentionGradient } from "./attention-gradient.ts";
import type { AttentionFrame } from "./attention-frame.ts";
import type { EncoderInputs, PastPair } from "./inputs.ts";
import { linear, linearTensors } from "./linear.ts";
import type { LinearSpec } from "./linear.ts";
import { rotate } from "./rotary.ts";
import type { Rows } from "./rows.ts";
import type { StoredWeights } from "./stored-weights.ts";
import type { TensorSpec } from "./tensor-spec.ts";

export type AttentionSpec = {
  readonly output: LinearSpec; // [N*D] -> [H]
  /** Base of the angles of rotary positions; null where positions are embedded. */
  readonly rotaryTheta: number | null;
  /** In a local layer, the distance up to which a token sees others; null where it sees all. */
  readonly window: number | null;
} & (
  | {
      readonly form: "separate";
      readonly query: LinearSpec; // [H] -> [N*D]
      readonly key: LinearSpec; // [H] -> [kvHeads*D]
      readonly value: LinearSpec; // [H] -> [kvHeads*D]
    }
  /** Query, key and value in one matrix, in this order. */
  | { readonly form: "joined"; readonly all: LinearSpec } // [H] -> [(N + 2*kvHeads)*D]
);

export const attentionTensors = (spec: AttentionSpec): TensorSpec[] => [
  ...(spec.form === "separate" ? [spec.query, spec.key, spec.value] : [spec.all]).flatMap(
    (projection) => linearTensors(projection),
  ),
  ...linearTensors(spec.output),
];

/** Name of the input scale of the projections, where they have one. */
export const attentionInputScale = (spec: AttentionSpec): string | undefined =>
  spec.form === "separate" ? spec.query.inputScale : spec.all.inputScale;

export interface AttentionCall {
  readonly inputs: EncoderInputs;
  readonly keyRows: Rows; // [B*T, H]
  readonly queryRows: Rows; // the same; in the last layer the first Q of each text, [B*Q, H]
  readonly past: PastPair; // [B, kvHeads, P, D]
  readonly isLast: boolean;
}

/** Attention with its projections: [B*T, H], [B*Q, H] in the last layer. */
export function attention(
  w: StoredWeights,
  frame: AttentionFrame,
  spec: AttentionSpec,
  call: AttentionCall,
): Value {
  const projected = turn(frame, spec.rotaryTheta, project(w, frame, spec, call), call.isLast);
  const { past, isLast } = call;
  const context = attend(frame, {
    ...projected,
    bias: frame.bias(spec.window, isLast),
    past,
    isLast,
  });
  return linear(w, spec.output, w.rows(context));
}

interface Projected {
  readonly query: Value; // [B*T, N*D], [B*Q, N*D] in the last layer
  readonly key: Value; // [B*T, kvHeads*D]
  readonly value: Value; // [B*T, kvHeads*D]
}

/** Query and key by rotary positions, where the family has them. */
function turn(
  frame: AttentionFrame,
  theta: number | null,
  { query, key, value }: Projected,
  isLast: boolean,
): Projected {
  if (theta === null) return { query, key, value };
  const { g, sizes } = frame;
  const { heads, kvHeads, headSize } = sizes;
  const shape = isLast ? frame.queries : frame.tokens;
  const keyHeads = { heads: kvHeads, headSize, shape: frame.keys };
  return {
    query: rotate(g, query, frame.rotation(theta, isLast), { heads, headSize, shape }),
    key: rotate(g, key, frame.rotation(theta, false), keyHeads),
    value,
  };
}

function project(
  w: StoredWeights,
  { sizes }: AttentionFrame,
  spec: AttentionSpec,
  { inputs, keyRows, queryRows, isLast }: AttentionCall,
): Projected {
  if (spec.form === "separate") {
    return {
      query: linear(w, spec.query, queryRows),
      key: linear(w, spec.key, keyRows),
      value: linear(w, spec.value, keyRows),
    };
  }
  const { g } = w;
  const all = linear(w, spec.all, keyRows);
  const keyWidth = sizes.kvHeads * sizes.headSize;
  const widths = g.ints(sizes.heads * sizes.headSize, keyWidth, keyWidth);
  const axis = all.dims.length - 1;
  const [query, key, value] = g.addAll("Split", [all, widths], { axis }, { outputs: 3 });
  const first = (x: Value): Value => w.firstPositions({ x }, inputs).x;
  return { query: isLast ? first(query!) : query!, key: key!, value: value! };
}

interface Operands extends Projected {
  readonly bias: Value;
  readonly past: PastPair;
  readonly isLast: boolean;
}

/** The context of every query: [B*T, N*D], [B*Q, N*D] in the last layer. */
function attend(frame: AttentionFrame, call: Operands): Value {
  const { g, sizes } = frame;
  const { heads: N, kvHeads, headSize: D } = sizes;
  const split = (x: Value, shape: Value, length: string, heads: number): Value =>
    ops.Transpose(g, ops.ReshapeTo(g, x, shape, ["B", length, heads, D]), [0, 2, 1, 3]);
  const columns = (past: Value, x: Value): Value =>
    forEveryHead(
      g,
      ops.Concat(g, [past, split(x, frame.keys, "T", kvHeads), frame.padding], 2),
      N / kvHeads,
    ); // [B, N, P+T+R, D]
  const byQuery = (x: Value): Value =>
    call.isLast ? split(x, frame.queries, "Q", N) : split(x, frame.tokens, "T", N); // [B, N, T, D]
  const query = byQuery(call.query);
  const key = columns(call.past.key, call.key);
  const value = columns(call.past.value, call.value);

  const rows = (x: Value): Value => ops.Reshape(g, ops.Transpose(g, x, [0, 2, 1, 3]), [-1, N * D]);
  if (frame.headGroups.length > 1) {
    return rows(ops.Concat(g, inGroups(frame, [query, key, value], call.bias), 1));
  }
  const { context, shares } = attendHeads(frame, [query, key, value], call.bias);
  const { key: pastKey, value: pastValue } = call.past;
  const inputs = [call.query, call.key, call.value, pastKey, pastValue];
  return g.stateGradient(rows(context), inputs, (dy) =>
    attentionGradient(
      g,
      { query, key, value, shares, context, dContext: byQuery(dy) },
      { kvHeads, prefixLength: ops.Shape(g, pastKey, 2, 3), columns: frame.columns },
    ),
  );
}

/** Repeats every key head for the query heads of its group: [B, kvHeads, S, D] -> [B, N, S, D]. */
function forEveryHead(g: Graph, x: Value, groupSize: number): Value {
  if (groupSize === 1) return x;
  const kvHeads = Number(x.dims[1]);
  const indices = Array.from({ length: kvHeads * groupSize }, (_, n) => Math.floor(n / groupSize));
  return ops.Gather(g, x, g.ints(...indices), 1);
}

function attendHeads(
  { g, sizes, isServed }: AttentionFrame,
  [query, key, value]: readonly [Value, Value, Value],
  bias: Value,
): { context: Value; shares: Value } {
  const alpha = 1 / Math.sqrt(sizes.headSize);
  const products = isServed
    ? ops.FusedMatMul(g, query, key, { alpha, transB: true }) // [B, N, T, P+T+R]
    : ops.Mul(g, ops.MatMul(g, query, ops.Transpose(g, key, [0, 1, 3, 2])), g.scalar(alpha));
  const scores = ops.Add(g, products, bias);
  const shares = ops.Softmax(g, scores);
  return { shares, context: ops.MatMul(g, shares, value) }; // [B, N, T, D]
}

/** Attends group by group of heads, one after the other. */
function inGroups(frame: AttentionFrame, operands: readonly Value[], bias: Value): Value[] {
  const { g, headGroups } = frame;
  const sizes = g.ints(...headGroups);
  const [queries, keys, values] = operands.map((x) =>
    g.addAll("Split", [x, sizes], { axis: 1 }, { outputs: headGroups.length }),
  );
  return queries!.map(
    (query, i) => attendHeads(frame, [query, keys![i]!, values![i]!], bias).context,
  );
}
