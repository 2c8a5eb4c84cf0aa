/**
 * 8-bit linears for a GPU: MatMulNBits, ONNX Runtime's product of float rows with weights in blocks
 * along the input, one scale a block. The integers are those of int8.ts, transposed, and every block
 * of a channel has the channel's scale, so the product is that of the same dequantized weights.
 */
import { float32 } from "../../core/model/tensor.ts";
import type { TensorOf } from "../../core/model/tensor.ts";
import type { Graph, Value } from "../graph.ts";

/** Inputs in a block: the size for which the WebGPU provider has its kernels. */
const BLOCK = 32;
const BITS = 8;
/** Stands for 0, as in int8.ts; MatMulNBits takes it for 8 bits where it is given no zero points. */
const ZERO = 128;

export interface BlockedWeight {
  readonly values: TensorOf<"uint8">; // [out, ceil(in / 32), 32]
  readonly scale: TensorOf<"float32">; // [out, ceil(in / 32)]
}

/** Weight uint8 [in, out] with a scale per output channel [out], in blocks; the last may be padded. */
export function blockWeight(
  { dims, data }: TensorOf<"uint8">,
  scale: TensorOf<"float32">,
): BlockedWeight {
  const [inputs, outputs] = [dims[0]!, dims[1]!];
  const blocks = Math.ceil(inputs / BLOCK);
  const stride = blocks * BLOCK;
  const values = new Uint8Array(outputs * stride);
  if (stride > inputs) values.fill(ZERO);
  for (let i = 0; i < inputs; i++) {
    for (let o = 0; o < outputs; o++) values[o * stride + i] = data[i * outputs + o]!;
  }
  const scales = new Float32Array(outputs * blocks);
  for (let o = 0; o < outputs; o++) {
    scales.fill(scale.data[o]!, o * blocks, (o + 1) * blocks);
  }
  return {
    values: { dtype: "uint8", dims: [outputs, blocks, BLOCK], data: values },
    scale: float32([outputs, blocks], scales),
  };
}

/** Rows [.., inputs] times a blocked weight: [.., out]. */
export function blockedLinear(
  g: Graph,
  x: Value,
  { values, scale }: { readonly values: Value; readonly scale: Value },
  inputs: number,
): Value {
  const outputs = Number(values.dims[0]);
  return g.add("MatMulNBits", [x, values, scale], {
    K: inputs,
    N: outputs,
    bits: BITS,
    block_size: BLOCK,
  });
}
