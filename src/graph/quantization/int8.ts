/**
 * 8-bit weights and activations for MatMulInteger, in the form that gives exact sums on every CPU.
 *
 * Weights: int8, one scale per output channel, stored as uint8 = int8 + 128 with zero point 128,
 * because signed weights saturate on AVX2 CPUs without VNNI. Activations: uint8 with one scale per
 * row, because a scale per tensor makes a text's answer depend on its neighbours in the batch.
 * Word tables: int8 with one scale per row.
 */
import { InputError } from "../../core/errors.ts";
import { float32, toFloat32, transposed } from "../../core/model/tensor.ts";
import type { Tensor, TensorOf } from "../../core/model/tensor.ts";
import type { Dim, Graph, Value } from "../graph.ts";
import * as ops from "../ops.ts";

/** Name of the scales that belong to a quantized tensor. */
export const scaleName = (name: string): string => `${name}_scale`;

/** Name of the offset that belongs to a linear whose input has a lower bound. */
export const offsetName = (name: string): string => `${name}_offset`;

/** Added to int8 weights to store them as uint8. */
export const WEIGHT_ZERO = 128;
/** Largest magnitude of an 8-bit value; -128 stays unused, so that the range is symmetric. */
const MAX_INT8 = 127;
const MAX_UINT8 = 255;
/** Smallest normal float32; a smaller scale would lose its digits, or be 0. */
const MIN_NORMAL = 2 ** -126;
/** Keeps the scale of an all-zero row away from zero; far below any real activation. */
const TINY = 1e-20;

/** Weight [in, out] -> uint8 [in, out] and a scale per output channel [out]. */
export function quantizeLinear(weight: TensorOf<"float32">): {
  values: TensorOf<"uint8">;
  scale: TensorOf<"float32">;
} {
  const [rows, columns] = matrixDims(weight);
  const { data } = weight;
  const scale = new Float32Array(columns);
  for (let i = 0; i < data.length; i++) {
    const at = i % columns;
    scale[at] = Math.max(scale[at]!, Math.abs(data[i]!));
  }
  for (let c = 0; c < columns; c++) scale[c] = stepFor(scale[c]!);
  const values = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    values[i] = roundHalfEven(data[i]! / scale[i % columns]!) + WEIGHT_ZERO;
  }
  return {
    values: { dtype: "uint8", dims: [rows, columns], data: values },
    scale: float32([columns], scale),
  };
}

/** Table [V, H] -> int8 [V, H] and a scale per row [V, 1]. */
export function quantizeTable(table: TensorOf<"float32">): {
  values: TensorOf<"int8">;
  scale: TensorOf<"float32">;
} {
  const [rows, width] = matrixDims(table);
  const values = new Int8Array(rows * width);
  const scale = new Float32Array(rows);
  for (let r = 0; r < rows; r++) {
    const row = table.data.subarray(r * width, (r + 1) * width);
    const max = row.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
    scale[r] = stepFor(max);
    for (let i = 0; i < width; i++) values[r * width + i] = roundHalfEven(row[i]! / scale[r]!);
  }
  return {
    values: { dtype: "int8", dims: [rows, width], data: values },
    scale: float32([rows, 1], scale),
  };
}

/**
 * The float32 values of a linear (uint8 [in, out], scale [out], and where its input is scaled that
 * scale [in]), a table (int8 [V, H], scale [V, 1]) or a float tensor.
 */
export function dequantize(
  tensor: Tensor,
  scale?: Tensor,
  inputScale?: Tensor,
): TensorOf<"float32"> {
  const { dtype, dims, data } = tensor;
  if (dtype !== "uint8" && dtype !== "int8") return float32(dims, toFloat32(tensor));
  const [rows, columns] = matrixDims(tensor);
  const isTable = dtype === "int8";
  if (scale?.dtype !== "float32" || scale.data.length !== (isTable ? rows : columns)) {
    throw new InputError(
      "quantized-scale-invalid",
      `quantized tensor [${dims.join(", ")}]: its scale is ${scale ? `${scale.dtype} [${scale.dims.join(", ")}]` : "missing"}, expected float32 with ${isTable ? rows : columns} elements`,
    );
  }
  const zero = isTable ? 0 : WEIGHT_ZERO;
  const values = new Float32Array(data.length);
  for (let r = 0, i = 0; r < rows; r++) {
    const rowScale = isTable ? scale.data[r]! : Number(inputScale?.data[r] ?? 1);
    for (let c = 0; c < columns; c++, i++) {
      values[i] = (data[i]! - zero) * rowScale * (isTable ? 1 : scale.data[c]!);
    }
  }
  return float32(dims, values);
}

/** The step that spreads [-max, max] over int8. A channel of zeros quantizes to zeros with any step. */
function stepFor(max: number): number {
  const step = max / MAX_INT8;
  return step < MIN_NORMAL ? 1 : step;
}

function matrixDims({ dims }: Tensor): [number, number] {
  const [rows, columns] = dims;
  if (dims.length !== 2 || rows === undefined || columns === undefined) {
    throw new InputError(
      "quantized-shape-invalid",
      `tensor [${dims.join(", ")}]: only matrices can be quantized`,
    );
  }
  return [rows, columns];
}

/** Rounds as ONNX's QuantizeLinear does: ties to even. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/**
 * For a linear whose input is never below `min`: what quantizing x - min instead of x adds to every
 * row, min times the column sums of the weights [out].
 */
export function inputOffset(
  weight: TensorOf<"uint8">,
  scale: TensorOf<"float32">,
  min: number,
): TensorOf<"float32"> {
  const [rows, columns] = matrixDims(weight);
  const sums = new Int32Array(columns);
  for (let i = 0; i < rows * columns; i++) sums[i % columns]! += weight.data[i]! - WEIGHT_ZERO;
  return float32(
    [columns],
    Float32Array.from(sums, (sum, c) => min * sum * scale.data[c]!),
  );
}

/** Activations [M, K] as uint8 rows: x = scale * (values - zero). */
export interface QuantizedRows {
  readonly values: Value; // [M, K] uint8
  readonly scale: Value; // [M, 1] float32
  readonly zero: Value; // scalar uint8
}

/**
 * Quantizes activations x [M, K] row by row. Without a bound: symmetric, scale = max|x| / 127 and
 * zero point 128. With `min` (<= 0, x is never below it): all 256 values serve [min, max] of
 * x - min, and the caller adds `inputOffset`. `zeros` and `column` make the zero points of symmetric
 * rows [M] and the column of scales, both from the scales [M].
 */
export function quantizeRows(
  g: Graph,
  x: Value,
  min?: number,
  { zeros = rowZeros(g), column = (scale: Value) => ops.Unsqueeze(g, scale, 1) } = {},
): QuantizedRows {
  const isSigned = min === undefined;
  const shifted = isSigned || min === 0 ? x : ops.Sub(g, x, g.scalar(min));
  const magnitude = isSigned ? ops.Abs(g, x) : shifted;
  const max = ops.ReduceMax(g, magnitude, { axes: [-1], keepdims: false }); // [M]
  const levels = isSigned ? MAX_INT8 : MAX_UINT8;
  const scale = ops.Mul(g, ops.Max(g, max, g.scalar(TINY)), g.scalar(1 / levels));
  // QuantizeLinear along axis 0 wants one zero point per row; without any they are uint8 zeros.
  const points = isSigned ? [zeros(scale)] : [];
  const values = g.add("QuantizeLinear", [shifted, scale, ...points], { axis: 0 });
  return { values, scale: column(scale), zero: byte(g, isSigned ? WEIGHT_ZERO : 0) };
}

/** The zero point of symmetric rows for each of them, made once for every number of rows. */
export function rowZeros(g: Graph): (scale: Value) => Value {
  const known = new Map<Dim, Value>();
  return (scale) => {
    const rows = scale.dims[0]!;
    const zeros =
      known.get(rows) ??
      g.add(
        "ConstantOfShape",
        [ops.Shape(g, scale, 0, 1)],
        { value: { dtype: "uint8", dims: [1], data: Uint8Array.of(WEIGHT_ZERO) } },
        { dims: [rows] },
      );
    known.set(rows, zeros);
    return zeros;
  };
}

/**
 * (rows - zero) times (weight - 128), scaled back: [M, K] x [K, O] -> [M, O] float32, no bias.
 * MatMulIntegerToFloat is ONNX Runtime's MatMulInteger with the scale per output channel applied
 * as each tile is written, which saves two passes over the result.
 */
export function quantizedLinear(g: Graph, rows: QuantizedRows, weight: Value, scale: Value): Value {
  const zero = weight.dtype === "int8" ? null : byte(g, WEIGHT_ZERO);
  const product = g.add("MatMulIntegerToFloat", [
    rows.values,
    weight,
    g.scalar(1),
    scale,
    rows.zero,
    ...(zero ? [zero] : []),
  ]);
  return ops.Mul(g, product, rows.scale);
}

/** A linear's stored weights [in, out] as the signed numbers that they stand for: zero point 0. */
export function signed({ dims, data }: TensorOf<"uint8">): TensorOf<"int8"> {
  // A loop: Int8Array.from with a function takes twenty times as long, and this is every weight.
  const values = new Int8Array(data.length);
  for (let i = 0; i < data.length; i++) values[i] = data[i]! - WEIGHT_ZERO;
  return { dtype: "int8", dims, data: values };
}

/** Signed 8-bit numbers as the unsigned ones that are 128 larger. */
export function unsigned({ dims, data }: TensorOf<"int8">): TensorOf<"uint8"> {
  const values = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) values[i] = data[i]! + WEIGHT_ZERO;
  return { dtype: "uint8", dims, data: values };
}

/** [in, out] -> [out, in]. */
export function transpose({ dims, data }: TensorOf<"float32">): TensorOf<"float32"> {
  const [rows, columns] = [dims[0]!, dims[1]!];
  return float32([columns, rows], transposed(data, rows, columns));
}

/** A uint8 scalar; equal values share one initializer. */
export function byte(g: Graph, value: number): Value {
  return g.shared(`u8_${value}`, () => ({
    dtype: "uint8",
    dims: [],
    data: Uint8Array.of(value),
  }));
}
