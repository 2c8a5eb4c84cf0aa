/** The numbers that ONNX files use for the dtypes of tensors: TensorProto.DataType of onnx.proto3. */
import type { Dtype } from "../../core/model/tensor.ts";

export const DATA_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
} as const satisfies Record<Dtype, number>;

/** The dtype with this number, undefined for one that this project does not have. */
export const dtypeOf = (number: number): Dtype | undefined =>
  (Object.keys(DATA_TYPES) as Dtype[]).find((dtype) => DATA_TYPES[dtype] === number);
