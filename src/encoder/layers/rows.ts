/**
 * Activations as rows: the form in which linears and norms read them, one row per position.
 *
 * Rows are a matrix [M, n], or [D, M/D, n] where each text may have vectors [D, 1, n] of its own.
 * They keep that form from one op to the next, and the shape for a width is worked out once: every
 * node is time that an empty isolate waits for its first answer.
 */
import { product, quotient } from "../../graph/shapes/dims.ts";
import type { Dim, Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import type { TwoDigitRows } from "../../graph/quantization/int16.ts";
import type { QuantizedRows } from "../../graph/quantization/int8.ts";
import { MOST_GPU_OUTPUTS } from "./inputs.ts";
import type { EncoderInputs, GraphForm } from "./inputs.ts";

export interface RowsOptions {
  /** Lower bound of x where its activation function has one. */
  readonly min?: number | undefined;
  /** Name of the scale per input channel that these rows may carry. */
  readonly inputScale?: string | undefined;
}

/** Activations and, once a quantized linear has read them, their rounded form. */
export interface Rows extends RowsOptions {
  readonly x: Value; // [M, K] or [D, M/D, K]
  quantized?: QuantizedRows;
  split?: TwoDigitRows;
}

/** Brings activations into the form of rows; D is the number of texts with vectors of their own. */
export class TextGroups {
  readonly #g: Graph;
  readonly #vector: Value | undefined;
  readonly #shapes = new Map<number, Value>();

  /** `vector` is any of the vectors, [n] or [D, 1, n]. */
  constructor(g: Graph, vector?: Value) {
    this.#g = g;
    this.#vector = vector && vector.dims.length > 1 ? vector : undefined;
  }

  /** x [.., n] as rows, M the product of all other dimensions. */
  rows(x: Value): Value {
    const width = Number(x.dims.at(-1));
    const texts = this.#vector?.dims[0];
    if (texts === undefined) return x.dims.length === 2 ? x : this.matrix(x);
    if (x.dims[0] === texts) return x;
    return this.#grouped(x, product(x.dims.slice(0, -1)), width);
  }

  /** One number for each of M rows, [M], as a column beside the rows. */
  column(x: Value): Value {
    return this.#vector ? this.#grouped(x, x.dims[0]!, 1) : ops.Unsqueeze(this.#g, x, 1);
  }

  /** Rows as a matrix [M, n]. */
  matrix(x: Value): Value {
    return x.dims.length === 2 ? x : ops.Reshape(this.#g, x, [-1, Number(x.dims.at(-1))]);
  }

  /** Shares [D, L+1] of the layers, one value for each that spreads over rows. */
  columns(weights: Value, mostOutputs: number): Value[] {
    const sizes = Array<number>(Number(weights.dims[1])).fill(1);
    const shares = this.#vector ? ops.Unsqueeze(this.#g, weights, 2) : weights;
    return ops.Split(this.#g, shares, sizes, 1, mostOutputs);
  }

  #grouped(x: Value, rows: Dim, width: number): Value {
    const texts = this.#vector!.dims[0]!;
    // Rows of all positions and of the first Q differ in number, so in name, too.
    const own = quotient(rows, texts) ?? `${String(rows).replaceAll("*", "")}/${texts}`;
    return ops.ReshapeTo(this.#g, x, this.#shapeOf(width), [texts, own, width]);
  }

  #shapeOf(width: number): Value {
    const known = this.#shapes.get(width);
    if (known) return known;
    const g = this.#g;
    const shape = ops.Concat(g, [ops.Shape(g, this.#vector!, 0, 1), g.ints(-1, width)], 0);
    this.#shapes.set(width, shape);
    return shape;
  }
}

/** The first Q positions of every text: [B*T, n] -> [B, Q, n]. */
export function firstPositions(g: Graph, x: Value, inputs: EncoderInputs): Value {
  const width = Number(x.dims.at(-1));
  const texts = ops.Concat(g, [ops.Shape(g, inputs.inputIds, 0, 1), g.ints(-1, width)], 0);
  const grouped = ops.ReshapeTo(g, x, texts, ["B", "T", width]);
  return ops.Slice(g, grouped, g.ints(0), inputs.queryLength, 1, ["B", "Q", width]);
}

/**
 * Sum of every layer's output times its share (ELMo's scalar mix, arXiv 1802.05365, without the
 * softmax). `outputs` are rows of the embeddings' and each layer's output for all T positions, but
 * those of the last layer for the first Q. Only the sum of the former is cut to Q.
 */
export function mixLayers(
  g: Graph,
  texts: TextGroups,
  { isGpu = false }: GraphForm,
  inputs: EncoderInputs,
  weights: Value,
  outputs: readonly Value[],
): Value {
  const shares = texts.columns(weights, isGpu ? MOST_GPU_OUTPUTS : Infinity);
  const parts = outputs.map((x, layer) => ops.Mul(g, x, shares[layer]!));
  const [last] = parts.splice(-1);
  const isOneSum = parts.length > 1 && !isGpu;
  const lower = isOneSum ? g.add("Sum", parts) : parts.reduce((sum, part) => ops.Add(g, sum, part));
  return ops.Add(g, texts.rows(firstPositions(g, lower, inputs)), last!);
}
