/**
 * Weights as graph parts: a linear is a float product or an 8-bit one, as its stored dtype says,
 * so one encoder serves the fp32 graph, the int8 graph and the training graph.
 */
import { FormatError } from "../../src/core/errors.ts";
import type { Graph, Value } from "../onnx/graph.ts";
import * as ops from "../onnx/ops.ts";
import { quantizeRows, quantizedLinear, scaleName } from "../onnx/quantize.ts";
import type { QuantizedRows } from "../onnx/quantize.ts";
import type { EncoderInputs, Weights } from "./architecture.ts";

/** A matrix of activations and, once a quantized linear has read it, its 8-bit form. */
export interface Rows {
  readonly x: Value; // [M, K]
  /** Lower bound of x where its activation has one. */
  readonly min?: number;
  quantized?: QuantizedRows;
}

/** Reads weights by name and adds each to the graph once. */
export class Projections {
  readonly #g: Graph;
  readonly #weights: Weights;

  constructor(g: Graph, weights: Weights) {
    this.#g = g;
    this.#weights = weights;
  }

  /** The weight `name` as a constant of the graph. */
  tensor(name: string): Value {
    const known = this.#g.initializers.get(name);
    if (known) return known.value;
    const tensor = this.#weights.get(name);
    if (tensor) return this.#g.constant(name, tensor);
    throw new FormatError("tensor-missing", `tensor "${name}": the weights do not hold it`);
  }

  /** Wraps activations; `min` is a lower bound that their activation function guarantees. */
  rows(x: Value, min?: number): Rows {
    return min === undefined ? { x } : { x, min };
  }

  /** x times `<name>.weight` plus `<name>.bias`. Quantizes x once for all linears that read it. */
  linear(name: string, rows: Rows): Value {
    const weight = this.tensor(`${name}.weight`);
    const bias = this.tensor(`${name}.bias`);
    if (weight.dtype !== "uint8") return ops.linear(this.#g, rows.x, weight, bias);
    rows.quantized ??= quantizeRows(this.#g, rows.x, rows.min);
    const scale = this.tensor(scaleName(`${name}.weight`));
    return ops.Add(this.#g, quantizedLinear(this.#g, rows.quantized, weight, scale), bias);
  }

  /** Rows of a table: [n] ids -> [n, H] float32. */
  lookup(name: string, ids: Value): Value {
    const table = this.tensor(name);
    const rows = ops.Gather(this.#g, table, ids);
    if (table.dtype !== "int8") return rows;
    const scale = ops.Gather(this.#g, this.tensor(scaleName(name)), ids); // [n, 1]
    return ops.Mul(this.#g, ops.Cast(this.#g, rows, "float32"), scale);
  }

  /** The first Q of every T rows: [B*T, H] -> [B*Q, H]. */
  firstPositions({ x }: Rows, inputs: EncoderInputs): Rows {
    const g = this.#g;
    const width = x.dims.at(-1)!;
    const tokens = ops.Shape(g, inputs.inputIds, 0, 2);
    const shape = ops.Concat(g, [tokens, g.ints(Number(width))], 0);
    const grouped = ops.ReshapeTo(g, x, shape, ["B", "T", width]);
    const first = ops.Slice(g, grouped, g.ints(0), inputs.queryLength, 1, ["B", "Q", width]);
    return { x: ops.Reshape(g, first, [-1, Number(width)]) };
  }
}
