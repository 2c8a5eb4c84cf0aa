/** Tensors as plain data: a dtype, dimensions and a flat row-major array. No maths library. */
import { FormatError } from "../errors.ts";
import { sizeOf } from "./shapes.ts";

/** The array that holds each dtype's elements; float16 keeps its raw bits. */
export interface ArrayOf {
  float32: Float32Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  float64: Float64Array;
  int64: BigInt64Array;
  int32: Int32Array;
  int8: Int8Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}

export type Dtype = keyof ArrayOf;

/** A tensor of a known dtype. */
export interface TensorOf<D extends Dtype> {
  readonly dtype: D;
  readonly dims: readonly number[];
  readonly data: ArrayOf[D];
}

/** A tensor of any dtype: a union, so that checking `dtype` narrows `data`. */
export type Tensor = { [D in Dtype]: TensorOf<D> }[Dtype];

/** Makes a float32 tensor; throws when the data does not fill the dimensions. */
export function float32(dims: readonly number[], data: Float32Array): TensorOf<"float32"> {
  checkSize(dims, data.length);
  return { dtype: "float32", dims, data };
}

/** Makes an int64 tensor from plain integers. */
export function int64(dims: readonly number[], values: ArrayLike<number>): TensorOf<"int64"> {
  checkSize(dims, values.length);
  const data = new BigInt64Array(values.length);
  for (let i = 0; i < values.length; i++) data[i] = BigInt(values[i]!);
  return { dtype: "int64", dims, data };
}

/** Chosen rows of a matrix [n, width], in the given order (ONNX: Gather along axis 0). */
export function gatherRows(
  data: Float32Array,
  rows: readonly number[],
  width: number,
): Float32Array {
  const chosen = new Float32Array(rows.length * width);
  for (const [n, row] of rows.entries()) {
    chosen.set(data.subarray(row * width, (row + 1) * width), n * width);
  }
  return chosen;
}

/** x [rows, columns] times `scale` as [columns, rows]. */
export function transposed(
  x: Float32Array,
  rows: number,
  columns: number,
  scale = 1,
): Float32Array {
  const out = new Float32Array(x.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[j * rows + i] = x[i * columns + j]! * scale;
  }
  return out;
}

/** Throws `tensor-size-mismatch` unless `length` elements fill the dimensions. */
export function checkSize(dims: readonly number[], length: number): void {
  if (sizeOf(dims) !== length) {
    throw new FormatError(
      "tensor-size-mismatch",
      `tensor [${dims.join(", ")}]: has ${length} elements, needs ${sizeOf(dims)}`,
    );
  }
}

/** Widens any floating dtype to float32 values (float64 is rounded). Returns the same array for float32. */
export function toFloat32(tensor: Tensor): Float32Array {
  switch (tensor.dtype) {
    case "float32":
      return tensor.data;
    case "float64":
      return Float32Array.from(tensor.data);
    case "float16":
      return Float32Array.from(tensor.data, halfToFloat);
    case "bfloat16": {
      // bfloat16 is the upper half of a float32.
      const bits = Uint32Array.from(tensor.data, (half) => half << 16);
      return new Float32Array(bits.buffer);
    }
    default:
      throw new FormatError(
        "tensor-dtype-mismatch",
        `tensor of dtype ${tensor.dtype}: expected a floating dtype (float32, float16, bfloat16, float64)`,
      );
  }
}

/** Rounds float32 values to float16 bits (round to nearest, ties to even, IEEE 754-2019). */
export function toFloat16(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, floatToHalf);
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** float16 bits -> number. */
export function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24; // zero and subnormals
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** number -> float16 bits, ties to even; beyond 65504 (after rounding) becomes infinity. */
export function floatToHalf(value: number): number {
  float[0] = value;
  const word = bits[0]!;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x47800000) return sign | 0x7c00; // 65536 and above: infinity
  if (magnitude < 0x38800000) {
    // Below 2^-14: a subnormal half counts units of 2^-24.
    const units = Math.abs(float[0]!) * 2 ** 24;
    const floor = Math.floor(units);
    const rest = units - floor;
    const up = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0;
    return sign | (floor + up);
  }
  // Rebias the exponent from 127 to 15, then round away the low 13 bits; a carry runs into the exponent.
  const rebased = magnitude - 0x38000000;
  const half = rebased >>> 13;
  const rest = rebased & 0x1fff;
  const up = rest > 0x1000 || (rest === 0x1000 && half & 1) ? 1 : 0;
  return sign | (half + up);
}
