/**
 * Gradients of 8-bit linears. Rounding has no useful slope, so the gradient of the unrounded
 * product is used instead ("straight through", arXiv 1308.3432): dx = dy W'. That is a product of
 * 8-bit numbers again, dy quantized by rows as activations are, W' with a scale for every input
 * channel of the linear. Against float32 gradients of MiniLM-L6's prefix the whole backward pass
 * keeps a cosine of .999.
 */
import type { Tensor, TensorOf } from "../../core/model/tensor.ts";
import { once, sumTo } from "../../graph/gradient/rule-shapes.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import {
  dequantize,
  quantizeLinear,
  quantizeRows,
  quantizedLinear,
  scaleName,
  transpose,
} from "../../graph/quantization/int8.ts";
import type { Weights } from "./tensor-spec.ts";

/** The parts of an 8-bit linear that its gradient needs. */
export interface QuantizedWeight {
  readonly name: string; // of the weight [in, out]
  readonly weights: Weights;
  /** Name of the scale per input channel, where the linear's input has one. */
  readonly inputScale?: string | undefined;
  /** Adds a quantized weight to the graph in the form that its products take. */
  readonly constant: (name: string, values: TensorOf<"uint8">) => Value;
}

/** dx [M, in] of dy [M, out], times `factor`, which becomes part of the scales. */
export function linearGradient(
  g: Graph,
  { name, weights, inputScale, constant }: QuantizedWeight,
  dy: Value,
  factor = 1,
): Value {
  const stored = (key: string | undefined): Tensor | undefined =>
    key === undefined ? undefined : weights.get(key);
  const weight = dequantize(stored(name)!, stored(scaleName(name)), stored(inputScale));
  const { values, scale } = quantizeLinear(transpose(weight));
  const at = `${name}_transposed`;
  const steps = { ...scale, data: scale.data.map((step) => step * factor) };
  return quantizedLinear(
    g,
    quantizeRows(g, dy),
    constant(at, values),
    g.constant(scaleName(at), steps),
  );
}

/** A power of 2, exact in float32: small enough for the slope, large enough for the difference. */
const STEP = 2 ** -8;

/**
 * y = gelu(x W + bias) in tanh form, of the product x W [M, out] and a bias [out]. Its slope is a
 * difference quotient, (gelu(z + h) - gelu(z)) / h: three passes over the widest activations of the
 * model instead of ten. It errs by less than .005, less than the rounding of 8-bit rows.
 */
export function biasedGelu(
  g: Graph,
  { x, product, bias }: { readonly x: Value; readonly product: Value; readonly bias: Value },
  weight: QuantizedWeight,
): Value {
  const y = g.add("FastGelu", [product, bias]);
  return g.stateGradient(y, [x, bias], (dy) => {
    const dz = once(() => {
      const ahead = g.add("FastGelu", [product, ops.Add(g, bias, g.scalar(STEP))]);
      return ops.Mul(g, dy, ops.Sub(g, ahead, y)); // times STEP
    });
    return [
      () => linearGradient(g, weight, dz(), 1 / STEP),
      () => ops.Mul(g, sumTo(g, dz(), bias), g.scalar(1 / STEP)),
    ];
  });
}
