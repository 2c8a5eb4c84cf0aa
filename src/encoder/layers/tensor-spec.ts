/** The tensors of a layer as plain data: their names, dims, and how a base stores them. */
import type { Tensor } from "../../core/model/tensor.ts";

/** How a tensor is stored in a base. */
export type TensorKind =
  | "linear" // [in, out] there, [out, in] in the checkpoint; quantized in an int8 base
  | "words" // the word table [V, H]; quantized by rows in an int8 base
  | "positions" // the position table; float32, or 8 bits where the tables are compact
  | "float" // as it is, float32
  | "pooler"; // as it is, in pooler.safetensors

export interface TensorSpec {
  readonly name: string;
  /** Dims in the checkpoint. */
  readonly dims: readonly number[];
  readonly kind: TensorKind;
  /** Only linears that read an activation bounded below, such as GELU's: that bound (<= 0). */
  readonly inputMin?: number;
  /**
   * Only linears: name of the scale per input channel [in] that an int8 base may apply before
   * quantizing their input; linears that read the same rows share it.
   */
  readonly inputScale?: string;
}

/** Weights by the names and in the form of a base's shards. */
export type Weights = ReadonlyMap<string, Tensor>;
