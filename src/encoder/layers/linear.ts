/**
 * A linear layer: y = x W + b, x [M, in], W [in, out], b [out] or absent (ONNX MatMul and Add;
 * torch.nn.Linear, whose weight is stored as [out, in]).
 *
 * Float weights make plain ONNX ops with simple gradients. 8-bit weights make the form that is quick
 * in wasm, MatMulIntegerToFloat, with a gradient stated for it (straight-through.ts). Its rows have 8
 * bits, or 16 as two digits. On a GPU 8-bit weights make MatMulNBits, which multiplies float rows.
 */
import type { TensorOf } from "../../core/model/tensor.ts";
import type { Value } from "../../graph/graph.ts";
import { sumTo } from "../../graph/gradient/rule-shapes.ts";
import * as ops from "../../graph/ops.ts";
import type { Activation } from "../../graph/ops.ts";
import {
  offsetName,
  quantizeRows,
  quantizedLinear,
  scaleName,
} from "../../graph/quantization/int8.ts";
import { blockWeight, blockedLinear } from "../../graph/quantization/blocks.ts";
import { splitRows, twoDigitLinear } from "../../graph/quantization/int16.ts";
import type { QuantizedRows } from "../../graph/quantization/int8.ts";
import type { Rows } from "./rows.ts";
import type { StoredWeights } from "./stored-weights.ts";
import { biasedGelu, linearGradient } from "./straight-through.ts";
import type { QuantizedWeight } from "./straight-through.ts";
import type { TensorSpec } from "./tensor-spec.ts";

/** `<name>.weight` and, where it has one, `<name>.bias`. */
export interface LinearSpec {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly hasBias: boolean;
  /** Name of the input scale of an int8 base; linears that read the same rows share it. */
  readonly inputScale?: string;
}

/** The tensors of a linear; `inputMin` is the lower bound of its input, where that has one. */
export const linearTensors = (
  { name, inputs, outputs, hasBias, inputScale }: LinearSpec,
  inputMin?: number,
): TensorSpec[] => [
  {
    name: `${name}.weight`,
    dims: [outputs, inputs],
    kind: "linear",
    ...(inputScale !== undefined && { inputScale }),
    ...(inputMin !== undefined && { inputMin }),
  },
  ...(hasBias ? [{ name: `${name}.bias`, dims: [outputs], kind: "float" } as const] : []),
];

/** x W + b: rows [M, in] -> [M, out]. Quantizes x once for all linears that read it. */
export const linear = (w: StoredWeights, spec: LinearSpec, rows: Rows): Value =>
  product(w, spec, rows, () => addendOf(w, spec, rows));

/** activation(x W + b). An 8-bit graph takes GELU's tanh form, whose error is far below a step. */
export function activatedLinear(
  w: StoredWeights,
  spec: LinearSpec,
  rows: Rows,
  activation: Activation,
): Value {
  const { g } = w;
  if (!w.isInt8 || !isGelu(activation)) {
    return ops.ACTIVATIONS[activation](g, linear(w, spec, rows));
  }
  const y = product(w, spec, rows);
  const added = addendOf(w, spec, rows);
  if (!added) return g.add("FastGelu", [y]);
  if (added.dims.length > 1) return g.add("FastGelu", [ops.Add(g, y, added)]);
  return biasedGelu(g, { x: rows.x, product: y, bias: added }, quantizedWeight(w, spec, rows));
}

/** `activation` of x, in the form that the graph's dtype takes. */
export const activated = (w: StoredWeights, x: Value, activation: Activation): Value =>
  w.isInt8 && isGelu(activation) ? w.g.add("FastGelu", [x]) : ops.ACTIVATIONS[activation](w.g, x);

const isGelu = (activation: Activation): boolean => activation.startsWith("gelu");

/** x W, plus what `addend` gives, if anything. Its nodes stand behind those of the product. */
function product(
  w: StoredWeights,
  spec: LinearSpec,
  rows: Rows,
  addend: () => Value | null = () => null,
): Value {
  const { g } = w;
  const at = `${spec.name}.weight`;
  const plus = (y: Value): Value => {
    const added = addend();
    return added ? ops.Add(g, y, added) : y;
  };
  if (w.stored.get(at)?.dtype !== "uint8" || w.isReplaced(at)) {
    return plus(ops.MatMul(g, w.texts.rows(rows.x), w.tensor(at)));
  }
  if (w.form.isGpu) return plus(gpuProduct(w, spec, rows));
  const values = w.tensor(at);
  const dx = (dy: Value): Value => linearGradient(g, quantizedWeight(w, spec, rows), dy);
  if (w.hasFineRows) {
    rows.split ??= splitRows(g, scaled(w, rows));
    const bias = addend();
    const weight = { values, scale: w.tensor(scaleName(at)) };
    const y = twoDigitLinear(g, rows.split, weight, bias);
    return bias
      ? g.stateGradient(y, [rows.x, bias], (dy) => [() => dx(dy), () => sumTo(g, dy, bias)])
      : g.stateGradient(y, [rows.x], (dy) => [() => dx(dy)]);
  }
  rows.quantized ??= quantized(w, rows);
  const y = quantizedLinear(g, rows.quantized, values, w.tensor(scaleName(at)));
  return plus(g.stateGradient(y, [rows.x], (dy) => [() => dx(dy)]));
}

/** The product of float rows with the stored 8-bit weights, which a GPU computes. */
function gpuProduct(w: StoredWeights, { name, inputs }: LinearSpec, rows: Rows): Value {
  const { g, stored, texts } = w;
  const at = `${name}.weight`;
  const made = blockWeight(
    stored.get(at) as TensorOf<"uint8">,
    stored.get(scaleName(at)) as TensorOf<"float32">,
  );
  const weight = {
    values: g.constant(at, made.values),
    scale: g.constant(scaleName(at), made.scale),
  };
  return blockedLinear(g, texts.rows(scaled(w, rows)), weight, inputs);
}

function quantized(w: StoredWeights, rows: Rows): QuantizedRows {
  const { texts } = w;
  const made = quantizeRows(w.g, texts.matrix(scaled(w, rows)), rows.min, {
    zeros: w.zeros,
    column: (scale) => texts.column(scale),
  });
  return { ...made, values: texts.rows(made.values) };
}

function scaled(w: StoredWeights, { x, inputScale }: Rows): Value {
  if (inputScale === undefined || !w.stored.has(inputScale)) return x;
  return ops.Mul(w.g, x, w.tensor(inputScale));
}

const quantizedWeight = (
  w: StoredWeights,
  { name }: Pick<LinearSpec, "name">,
  { inputScale }: Rows,
): QuantizedWeight => ({
  name: `${name}.weight`,
  weights: w.stored,
  inputScale,
  constant: (at, values) => w.constant(at, values),
});

/** What is added to the product: the bias, and the linear's low-rank change, where it has them. */
function addendOf(w: StoredWeights, spec: LinearSpec, rows: Rows): Value | null {
  const bias = biasOf(w, spec, rows);
  const change = lowRankChange(w, spec, rows);
  return bias && change ? ops.Add(w.g, change, bias) : (change ?? bias);
}

/** (x A^T) B, [M, out] or [D, M/D, out]; one row a text instead of M/D where no row has a change. */
function lowRankChange(w: StoredWeights, { name }: LinearSpec, rows: Rows): Value | null {
  const { g, lowRank } = w;
  const factors = lowRank?.factors.get(name);
  if (!factors) return null;
  const { a, b } = factors;
  const x = w.texts.rows(rows.x);
  const reduced = w.form.isTrained
    ? ops.MatMul(g, x, ops.Transpose(g, a, [1, 0]))
    : ops.FusedMatMul(g, x, a, { transB: true });
  if (!lowRank?.rows) return ops.MatMul(g, reduced, b);
  const { mask, end } = lowRank.rows;
  const own = ops.Mul(g, reduced, mask);
  return ops.MatMul(g, ops.Slice(g, own, g.ints(0), end, 1, own.dims), b);
}

/**
 * Bias [out] or [D, 1, out], null where there is none. The offset of an input quantized above its
 * minimum is part of it; ONNX Runtime adds the two constants when it loads the graph.
 */
function biasOf(w: StoredWeights, { name, hasBias }: LinearSpec, { min }: Rows): Value | null {
  const bias = hasBias ? w.vector(`${name}.bias`) : null;
  if (!w.isInt8 || w.hasFineRows || min === undefined || min === 0) return bias;
  const offset = w.tensor(offsetName(`${name}.weight`));
  return bias ? ops.Add(w.g, bias, offset) : offset;
}
