/**
 * The parts of a graph as plain data: tensors (values), attributes and nodes. Shape inference reads
 * them, the builder keeps them, the encoder writes them.
 */
import type { Dtype, Tensor } from "../../core/model/tensor.ts";
import type { Dim } from "./dims.ts";

/** One tensor of the graph. */
export interface Value {
  readonly name: string;
  readonly dtype: Dtype;
  readonly dims: readonly Dim[];
  /** The data of a constant; absent on inputs and results. */
  readonly constant?: Tensor;
}

/**
 * A plain number (or list) becomes an ONNX int or float by the attribute's name: ONNX gives each
 * attribute one type, see FLOAT_ATTRIBUTES. `{ float }` and `{ floats }` state the type.
 */
export type Attribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | Tensor;

export type Attributes = Readonly<Record<string, Attribute>>;

/** A gradient given by a formula of its own instead of the rules of the nodes that compute the value. */
export interface StatedGradient {
  readonly inputs: readonly Value[];
  readonly outputs: readonly [Value];
  /** Emits the gradient of one input, in its shape, given that of the output. */
  readonly rule: (dy: Value) => readonly (() => Value)[];
}

export interface Node {
  readonly name: string;
  readonly op: string;
  /** "" is ai.onnx. */
  readonly domain: string;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}
