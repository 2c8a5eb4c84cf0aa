/** Tensors as float64 numbers, and how their elements are reached: the arrays of reference.ts. */
import { sizeOf } from "../../src/core/model/shapes.ts";

/** A tensor of any dtype, as float64 numbers. */
export interface Array64 {
  readonly dims: readonly number[];
  readonly data: Float64Array;
}

export const array = (dims: readonly number[], data: ArrayLike<number>): Array64 => ({
  dims,
  data: Float64Array.from(data),
});

export function fail(message: string): never {
  throw new Error(`reference: ${message}`);
}

export const strides = (dims: readonly number[]): number[] =>
  dims.map((_, i) => sizeOf(dims.slice(i + 1)));

/** Builds an array by asking for the element at each index. */
export function fill(dims: readonly number[], at: (index: number[]) => number): Array64 {
  const steps = strides(dims);
  const data = new Float64Array(sizeOf(dims));
  for (let flat = 0; flat < data.length; flat++) {
    data[flat] = at(dims.map((dim, i) => Math.floor(flat / steps[i]!) % dim));
  }
  return { dims, data };
}

/** Element at an index, which may be longer than the shape (broadcast on the left and over ones). */
export function get({ dims, data }: Array64, index: readonly number[]): number {
  const steps = strides(dims);
  const own = index.slice(index.length - dims.length);
  return data[dims.reduce((flat, dim, i) => flat + (dim === 1 ? 0 : own[i]! * steps[i]!), 0)]!;
}

export function broadcastDims(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((dims) => dims.length));
  return Array.from({ length: rank }, (_, i) => {
    const found = shapes.map((dims) => dims[i - rank + dims.length] ?? 1);
    return found.includes(0) ? 0 : Math.max(...found);
  });
}
