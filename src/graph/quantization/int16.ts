/**
 * Rows of 16 bits times 8-bit weights, by a runtime that multiplies 8-bit numbers only. A row is two
 * digits, x = highScale * (high - highZero) + lowScale * low, and a product is the sum of two. The low
 * digit holds what the high one leaves, in 254 steps: all rows of a batch share 64,770 levels between
 * their smallest and their largest number.
 *
 * The kernels of this project round every row by itself, to 4,095 levels a side. Both roundings are
 * too fine to be told from none: the states of either differ from the kernels' by as much as those of
 * float rows do (docs/training.md). One scale for all rows makes them the quicker of the two.
 */
import type { Graph, Value } from "../graph.ts";
import * as ops from "../ops.ts";
import { WEIGHT_ZERO, byte } from "./int8.ts";

/** Steps of the low digit in one of the high digit; what is left of a value is at most 127 of them. */
const LOW_STEPS = 254;
/** Stored low digit of 0. */
const LOW_ZERO = 128;

/** Activations [M, K] in two digits, uint8. */
export interface TwoDigitRows {
  readonly high: Value; // [M, K]
  readonly highScale: Value; // scalar
  readonly highZero: Value; // scalar uint8
  readonly low: Value; // [M, K], zero point 128
  readonly lowScale: Value; // scalar
}

/** Rounds activations [M, K]. */
export function splitRows(g: Graph, x: Value): TwoDigitRows {
  const [high, highScale, highZero] = g.addAll("DynamicQuantizeLinear", [x], {}, { outputs: 3 });
  const lowScale = ops.Mul(g, highScale!, g.scalar(1 / LOW_STEPS));
  const rest = ops.Sub(g, x, g.add("DequantizeLinear", [high!, highScale!, highZero!]));
  const low = g.add("QuantizeLinear", [rest, lowScale, byte(g, LOW_ZERO)]);
  return { high: high!, highScale: highScale!, highZero: highZero!, low, lowScale };
}

/** Rows times a stored weight [K, O] with a scale per output channel, plus a bias [O]: [M, O] float32. */
export function twoDigitLinear(
  g: Graph,
  { high, highScale, highZero, low, lowScale }: TwoDigitRows,
  weight: { readonly values: Value; readonly scale: Value },
  bias: Value | null,
): Value {
  const { values, scale } = weight;
  const zero = values.dtype === "int8" ? null : byte(g, WEIGHT_ZERO);
  const ofHigh = [high, values, highScale, scale, highZero, ...(zero || bias ? [zero] : [])];
  const ofLow = [low, values, lowScale, scale, byte(g, LOW_ZERO), ...(zero ? [zero] : [])];
  return ops.Add(
    g,
    g.add("MatMulIntegerToFloat", bias ? [...ofHigh, bias] : ofHigh),
    g.add("MatMulIntegerToFloat", ofLow),
  );
}
