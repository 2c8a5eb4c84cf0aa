/**
 * Tables of embeddings in 4 or 8 bits for GatherBlockQuantized, which looks rows up and scales them
 * in one node: 4 bits hold twice the words of int8 in the same bytes. One scale a row; a value is
 * (stored - zero) * scale with zero 8 or 128, two 4-bit values a byte, the earlier one in the low
 * half.
 *
 * Why this and not fewer columns: of MiniLM's word table [30522, 384] a row of 4-bit numbers has
 * cosine .994 to its original, the best factors of rank 128, as many bytes, .81.
 */
import { float32 } from "../../core/model/tensor.ts";
import type { TensorOf } from "../../core/model/tensor.ts";
import type { Graph, Value } from "../graph.ts";

export type TableBits = 4 | 8;

export interface PackedTable {
  readonly values: TensorOf<"uint8">; // [V, H * bits / 8]
  readonly scale: TensorOf<"float32">; // [V, 1]
}

/** Shares of the whole range that are tried: cutting off the extremes may round the rest better. */
const RANGES = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6];

/**
 * Packs a table [V, H], H even. Each row takes the range (of RANGES) with the least squared error.
 * Packing an unpacked table again gives the same table.
 */
export function packTable({ dims, data }: TensorOf<"float32">, bits: TableBits): PackedTable {
  const [rows, width] = [dims[0]!, dims[1]!];
  const perByte = 8 / bits;
  const zero = 2 ** (bits - 1);
  const values = new Uint8Array((rows * width) / perByte);
  const scale = new Float32Array(rows);
  for (let r = 0; r < rows; r++) {
    const row = data.subarray(r * width, (r + 1) * width);
    scale[r] = scaleOf(row, zero);
    for (let i = 0; i < width; i++) {
      const stored = level(row[i]!, scale[r]!, zero) + zero;
      values[Math.floor((r * width + i) / perByte)]! |= stored << ((i % perByte) * bits);
    }
  }
  return {
    values: { dtype: "uint8", dims: [rows, width / perByte], data: values },
    scale: float32([rows, 1], scale),
  };
}

/** The float32 values [V, H] of a packed table. */
export function unpackTable({ values, scale }: PackedTable, width: number): TensorOf<"float32"> {
  const rows = values.dims[0]!;
  const perByte = width / values.dims[1]!;
  const bits = 8 / perByte;
  const zero = 2 ** (bits - 1);
  const table = new Float32Array(rows * width);
  for (let i = 0; i < table.length; i++) {
    const byte = values.data[Math.floor(i / perByte)]!;
    const stored = (byte >> ((i % perByte) * bits)) & (2 * zero - 1);
    table[i] = (stored - zero) * scale.data[Math.floor(i / width)]!;
  }
  return float32([rows, width], table);
}

/**
 * The same table as int8 [V, width], with the scales that it has. Where a graph runs often, looking
 * such rows up and scaling them takes a third of the time of GatherBlockQuantized.
 */
export function signedTable({ dims, data }: TensorOf<"uint8">, width: number): TensorOf<"int8"> {
  const perByte = width / dims[1]!;
  const bits = 8 / perByte;
  const zero = 2 ** (bits - 1);
  const values = new Int8Array(dims[0]! * width);
  for (let i = 0; i < values.length; i++) {
    const byte = data[Math.floor(i / perByte)]!;
    values[i] = ((byte >> ((i % perByte) * bits)) & (2 * zero - 1)) - zero;
  }
  return { dtype: "int8", dims: [dims[0]!, width], data: values };
}

/** Rows of a packed table: [n] ids -> [n, width] float32. */
export function gatherPacked(
  g: Graph,
  { values, scale }: { readonly values: Value; readonly scale: Value },
  ids: Value,
  width: number,
): Value {
  const bits = (8 * Number(values.dims[1])) / width;
  // The op wants a power of two; a block that reaches past the row is the row.
  const block = Math.max(16, 2 ** Math.ceil(Math.log2(width)));
  return g.add("GatherBlockQuantized", [values, ids, scale], {
    bits,
    block_size: block,
    gather_axis: 0,
    quantize_axis: 1,
  });
}

/** There is one level more below 0 than above: the scale's sign gives it to the largest value. */
function scaleOf(row: Float32Array, zero: number): number {
  const extreme = row.reduce((top, value) => (Math.abs(value) > Math.abs(top) ? value : top), 0);
  if (extreme === 0) return 1;
  let [best, least] = [0, Infinity];
  for (const range of RANGES) {
    const scale = Math.fround((-extreme / zero) * range);
    let error = 0;
    for (const value of row) error += (level(value, scale, zero) * scale - value) ** 2;
    if (error < least) [best, least] = [scale, error];
  }
  return best;
}

const level = (value: number, scale: number, zero: number): number =>
  Math.max(-zero, Math.min(zero - 1, Math.round(value / scale)));
