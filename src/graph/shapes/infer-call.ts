/** What a rule of shape inference is, and how it reads a node's attributes and constant inputs. */
import type { Dtype } from "../../core/model/tensor.ts";
import type { Dim } from "./dims.ts";
import type { Attributes, Value } from "./value.ts";

export interface Inferred {
  readonly dtype: Dtype;
  readonly dims: readonly Dim[];
}

/** One node. */
export interface Call {
  readonly op: string;
  /** Input `i`, which must be present. */
  readonly at: (i: number) => Value;
  readonly inputs: readonly (Value | null)[];
  readonly attributes: Attributes;
  readonly count: number;
  /** Dims of output 0 as the caller states them. */
  readonly stated: readonly Dim[] | undefined;
  fail(what: string): never;
}

/** Dtype and dims of every output of a node; contradictions end in `fail`. */
export type Rule = (call: Call) => Inferred[];

/** Integer attribute or its default. */
export function int({ attributes, fail }: Call, name: string, fallback?: number): number {
  const found = attributes[name] ?? fallback;
  return typeof found === "number" ? found : fail(`attribute "${name}" must be a number`);
}

/** Attribute that is a list of integers, or undefined. */
export function intList({ attributes, fail }: Call, name: string): readonly number[] | undefined {
  const found = attributes[name];
  if (found === undefined) return undefined;
  if (Array.isArray(found)) return found as readonly number[];
  return fail(`attribute "${name}" must be a list of integers`);
}

/** The values of an integer constant at input `i`, or undefined when known only at run time. */
export function constantInts({ inputs }: Call, i: number): number[] | undefined {
  const tensor = inputs[i]?.constant;
  if (tensor?.dtype !== "int64" && tensor?.dtype !== "int32") return undefined;
  return Array.from(tensor.data, Number);
}

/** Axis counted from the front. */
export function axisOf(call: Call, axis: number, rank: number): number {
  const front = axis < 0 ? axis + rank : axis;
  if (front < 0 || front >= rank) call.fail(`axis ${axis} is outside rank ${rank}`);
  return front;
}
