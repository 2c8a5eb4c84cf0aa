/** safetensors files put together by hand, true or not, and tensors and names to fill them with. */
import fc from "./properties.ts";
import { sizeOf } from "../../src/core/model/shapes.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";

/** A file with this header (a text, or a value written as JSON) and `dataBytes` zeros after it. */
export function fileOf(header: unknown, dataBytes = 0): Uint8Array {
  const json = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

/** The header of a file, as text. */
export const headerOf = (file: Uint8Array): string =>
  new TextDecoder().decode(
    file.subarray(8, 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))),
  );

/** A header entry; by default bytes [begin, end) as U8. */
export const entry = (
  begin: number,
  end: number,
  shape: unknown = [end - begin],
  dtype: unknown = "U8",
) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

const makers = {
  float64: (n: number) => Float64Array.from({ length: n }, (_, i) => i / 3),
  int64: (n: number) => BigInt64Array.from({ length: n }, (_, i) => BigInt(-i)),
  float32: (n: number) => Float32Array.from({ length: n }, (_, i) => i / 3),
  int32: (n: number) => Int32Array.from({ length: n }, (_, i) => -i),
  float16: (n: number) => Uint16Array.from({ length: n }, (_, i) => i * 7),
  bfloat16: (n: number) => Uint16Array.from({ length: n }, (_, i) => i * 7),
  int8: (n: number) => Int8Array.from({ length: n }, (_, i) => -i),
  uint8: (n: number) => Uint8Array.from({ length: n }, (_, i) => i),
  bool: (n: number) => Uint8Array.from({ length: n }, (_, i) => i % 2),
};
/** A tensor of these dimensions with values that differ. */
export const makeTensor = (dtype: keyof typeof makers, dims: number[]) =>
  ({ dtype, dims, data: makers[dtype](sizeOf(dims)) }) as Tensor;

/** Names with everything that could confuse a reader of keys. */
export const name = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.stringMatching(/^["\\:{}, a]{0,10}$/),
    fc.constantFrom("__proto__", "constructor", "toString", "0", "10", "dtype", 'a":', '\\":{"'),
  )
  .filter((text) => text !== "__metadata__");
const tensor = fc
  .tuple(
    fc.constantFrom(...(Object.keys(makers) as (keyof typeof makers)[])),
    fc.array(fc.nat({ max: 4 }), { maxLength: 3 }),
  )
  .map(([dtype, dims]) => makeTensor(dtype, dims));
/** Up to six named tensors. */
export const tensorMap = fc
  .array(fc.tuple(name, tensor), { maxLength: 6 })
  .map((entries) => new Map(entries));
/** Up to three metadata fields. */
export const metadataOf = fc.dictionary(name, fc.string({ unit: "binary", maxLength: 10 }), {
  maxKeys: 3,
});
