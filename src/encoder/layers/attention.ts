/**
 * Multi-head attention over a prefix and the tokens, from ops that have simple gradients:
 * scores = query key^T / sqrt(D) + bias, probabilities = softmax(scores), context = probabilities value.
 * For training ONNX Runtime fuses the transposes and the scale into its matrix products by itself; a
 * graph that serves is written so, since looking for what can be fused would delay its first answer.
 */
import type { Dim, Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import type { EncoderConfig, EncoderInputs } from "../architecture.ts";
import { attentionGradient } from "./attention-gradient.ts";

/**
 * Added to the scores of masked columns. Finite, so that a row with nothing to attend to gives
 * numbers and not NaN; large enough that exp() of the difference is exactly 0.
 */
const MASKED = -1e9;

/**
 * Columns are padded to a multiple of this. ONNX Runtime's softmax adds up vectors of 4 lanes and
 * then a scalar tail, so without it the last bit of a sum depends on how far a batch is padded;
 * with it, and a prefix length that is a multiple too, an answer in wasm is the same bit for bit
 * alone and in any batch. (One flipped bit flips roundings of an 8-bit graph and cascades.)
 */
const COLUMN_MULTIPLE = 4;

/** What all layers share: the mask as a bias, the padding, shapes known only at run time. */
export interface AttentionFrame {
  readonly config: EncoderConfig;
  /** Takes the products with scale and transpose in one op, which has no gradient here. */
  readonly isServed: boolean;
  /** Sizes of the groups of heads that are attended one after the other. */
  readonly headGroups: readonly number[];
  readonly bias: Value; // [B, 1, 1, P+T+R]: 0 where attended, MASKED elsewhere
  readonly columns: Value; // (P+T)
  readonly padding: Value; // [B, N, R, D] zeros
  readonly tokens: Value; // (B, -1, N, D)
  readonly queries: Value; // (B, Q, N, D)
  readonly output: Value; // (B, Q, H)
}

/**
 * `isLean` attends in up to four groups of heads: the scores are by far the largest tensors of a
 * long text (13 MB for 12 heads and 512 tokens, twice), and wasm memory never shrinks.
 */
export function attentionFrame(
  g: Graph,
  config: EncoderConfig,
  inputs: EncoderInputs,
  { isServed = false, isLean = false } = {},
): AttentionFrame {
  const batch = ops.Shape(g, inputs.inputIds, 0, 1);
  const heads = g.ints(config.heads);
  const size = g.ints(config.headSize);
  // R = -(P+T) modulo the multiple.
  const columns = ops.Shape(g, inputs.attentionMask, 1, 2);
  const negative = ops.Mul(g, columns, g.ints(COLUMN_MULTIPLE - 1));
  const rest = g.add("Mod", [negative, g.ints(COLUMN_MULTIPLE)]); // (R)
  const filled = (value: number, shape: Value, dims: readonly Dim[]): Value =>
    ops.Expand(g, g.scalar(value), shape, dims);

  const hidden = ops.Sub(g, g.scalar(1), ops.Cast(g, inputs.attentionMask, "float32"));
  const bias = ops.Concat(
    g,
    [
      ops.Mul(g, hidden, g.scalar(MASKED)),
      filled(MASKED, ops.Concat(g, [batch, rest], 0), ["B", "R"]),
    ],
    1,
  );
  const groups = isLean ? [4, 3, 2, 1].find((count) => config.heads % count === 0)! : 1;
  return {
    config,
    isServed,
    headGroups: Array.from({ length: groups }, () => config.heads / groups),
    bias: ops.Unsqueeze(g, bias, 1, 2),
    columns,
    padding: filled(0, ops.Concat(g, [batch, heads, rest, size], 0), [
      "B",
      config.heads,
      "R",
      config.headSize,
    ]),
    tokens: ops.Concat(g, [batch, g.ints(-1), heads, size], 0),
    queries: ops.Concat(g, [batch, inputs.queryLength, heads, size], 0),
    output: ops.Concat(g, [batch, inputs.queryLength, g.ints(config.hidden)], 0),
  };
}

export interface AttentionCall {
  readonly query: Value; // [B*T, H], [B*Q, H] in the last layer
  readonly key: Value; // [B*T, H]
  readonly value: Value; // [B*T, H]
  readonly past: { readonly key: Value; readonly value: Value }; // [B, N, P, D]
  readonly isLast: boolean;
}

/** One layer's attention; answers [B*T, H], [B*Q, H] in the last layer. */
export function attention(g: Graph, frame: AttentionFrame, call: AttentionCall): Value {
  const { heads: N, headSize: D, hidden: H } = frame.config;
  const split = (x: Value, shape: Value, length: string): Value =>
    ops.Transpose(g, ops.ReshapeTo(g, x, shape, ["B", length, N, D]), [0, 2, 1, 3]);
  const columns = (past: Value, x: Value): Value =>
    ops.Concat(g, [past, split(x, frame.tokens, "T"), frame.padding], 2); // [B, N, P+T+R, D]
  const byQuery = (x: Value): Value =>
    call.isLast ? split(x, frame.queries, "Q") : split(x, frame.tokens, "T"); // [B, N, T, D]
  const query = byQuery(call.query);
  const key = columns(call.past.key, call.key);
  const value = columns(call.past.value, call.value);

  const rows = (x: Value): Value => ops.Reshape(g, ops.Transpose(g, x, [0, 2, 1, 3]), [-1, H]); // [B*T, H]
  if (frame.headGroups.length > 1) {
    return rows(ops.Concat(g, inGroups(g, frame, [query, key, value]), 1));
  }
  const { context, shares } = attend(g, frame, query, key, value);
  const { key: pastKey, value: pastValue } = call.past;
  const inputs = [call.query, call.key, call.value, pastKey, pastValue];
  return g.stateGradient(rows(context), inputs, (dy) =>
    attentionGradient(
      g,
      { query, key, value, shares, context, dContext: byQuery(dy) },
      { prefixLength: ops.Shape(g, pastKey, 2, 3), columns: frame.columns },
    ),
  );
}

function attend(
  g: Graph,
  frame: AttentionFrame,
  query: Value,
  key: Value,
  value: Value,
): { context: Value; shares: Value } {
  const alpha = 1 / Math.sqrt(frame.config.headSize);
  const products = frame.isServed
    ? ops.FusedMatMul(g, query, key, { alpha, transB: true }) // [B, N, T, P+T+R]
    : ops.Mul(g, ops.MatMul(g, query, ops.Transpose(g, key, [0, 1, 3, 2])), g.scalar(alpha));
  const scores = ops.Add(g, products, frame.bias);
  const shares = ops.Softmax(g, scores);
  return { shares, context: ops.MatMul(g, shares, value) }; // [B, N, T, D]
}

/** Attends group by group of heads, one after the other. */
function inGroups(g: Graph, frame: AttentionFrame, operands: readonly Value[]): Value[] {
  const sizes = g.ints(...frame.headGroups);
  const [queries, keys, values] = operands.map((x) =>
    g.addAll("Split", [x, sizes], { axis: 1 }, { outputs: frame.headGroups.length }),
  );
  return queries!.map((query, i) => attend(g, frame, query, keys![i]!, values![i]!).context);
}
