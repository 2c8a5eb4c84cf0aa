/**
 * Weights as graph parts: a linear is a float product or an 8-bit one, as its stored dtype says,
 * so one encoder serves the fp32 graph, the int8 graph and the training graph. Float weights make
 * plain ONNX ops with simple gradients; 8-bit weights make the forms that are quick in wasm.
 */
import { FormatError } from "../../core/errors.ts";
import type { Tensor } from "../../core/model/tensor.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import type { Activation } from "../../graph/ops.ts";
import { gatherPacked } from "../../graph/quantization/packed-table.ts";
import {
  offsetName,
  quantizeRows,
  quantizedLinear,
  rowZeros,
  scaleName,
  signed,
} from "../../graph/quantization/int8.ts";
import type { QuantizedRows } from "../../graph/quantization/int8.ts";
import { TextGroups, firstPositions } from "../additions.ts";
import type { EncoderInputs, GraphForm, Weights } from "../architecture.ts";
import { biasedGelu, linearGradient } from "./straight-through.ts";
import type { QuantizedWeight } from "./straight-through.ts";

/** What a graph has instead of, or on top of, the stored weights (EncoderInputs). */
type Changes = Pick<EncoderInputs, "replaced" | "deltas">;

interface RowsOptions {
  /** Lower bound of x where its activation function has one. */
  readonly min?: number;
  /** Name of the scale per input channel that these rows may carry. */
  readonly inputScale?: string;
}

/** Activations and, once a quantized linear has read them, their 8-bit form. */
export interface Rows extends RowsOptions {
  readonly x: Value; // [M, K] or [D, M/D, K]
  quantized?: QuantizedRows;
}

/** Reads weights by name and adds each to the graph once. */
export class Projections {
  /** Rows by the name of the input scale that belongs to them. */
  readonly scaledInputs = new Map<string, Value>();
  readonly texts: TextGroups;
  /** Whether linears are 8-bit. */
  readonly isInt8: boolean;
  readonly #g: Graph;
  readonly #weights: Weights;
  readonly #changes: Changes;
  readonly #form: GraphForm;
  readonly #vectors = new Map<string, Value>();
  readonly #zeros: (scale: Value) => Value;

  constructor(g: Graph, weights: Weights, changes: Changes = {}, form: GraphForm = {}) {
    this.#g = g;
    this.#zeros = rowZeros(g);
    this.texts = new TextGroups(g, byText(changes));
    this.#weights = weights;
    this.#changes = changes;
    this.#form = form;
    this.isInt8 = [...weights.values()].some(({ dtype }) => dtype === "uint8");
  }

  /** The weight `name`: a constant of the graph, unless something replaces it. */
  tensor(name: string): Value {
    const known = this.#changes.replaced?.get(name) ?? this.#g.initializers.get(name)?.value;
    if (known) return known;
    const tensor = this.#weights.get(name);
    if (tensor) return this.#g.constant(name, this.#stored(tensor));
    throw new FormatError("tensor-missing", `tensor "${name}": the weights do not hold it`);
  }

  #stored(tensor: Tensor): Tensor {
    return tensor.dtype === "uint8" && this.#form.hasSignedWeights ? signed(tensor) : tensor;
  }

  /** A bias or LayerNorm weight, with its delta on top where it has one: [n] or [D, 1, n]. */
  #vector(name: string): Value {
    const delta = this.#changes.deltas?.get(name);
    if (!delta) return this.tensor(name);
    const known = this.#vectors.get(name);
    if (known) return known;
    const sum = ops.Add(this.#g, this.tensor(name), delta);
    this.#vectors.set(name, sum);
    return sum;
  }

  /** Wraps activations for the linears that read them. */
  rows(x: Value, options: RowsOptions = {}): Rows {
    if (options.inputScale !== undefined) this.scaledInputs.set(options.inputScale, x);
    return { x, ...options };
  }

  /** x times `<name>.weight` plus `<name>.bias`. Quantizes x once for all linears that read it. */
  linear(name: string, rows: Rows): Value {
    return ops.Add(this.#g, this.#product(name, rows), this.#bias(name, rows));
  }

  /** activation(linear). An 8-bit graph takes GELU's tanh form, whose error is far below a step. */
  activated(name: string, rows: Rows, activation: Activation): Value {
    const g = this.#g;
    if (!this.isInt8 || activation === "relu") {
      return ops.ACTIVATIONS[activation](g, this.linear(name, rows));
    }
    const [product, bias] = [this.#product(name, rows), this.#bias(name, rows)];
    if (bias.dims.length > 1) return g.add("FastGelu", [ops.Add(g, product, bias)]);
    return biasedGelu(g, { x: rows.x, product, bias }, this.#quantized(name, rows));
  }

  #product(name: string, rows: Rows): Value {
    const g = this.#g;
    const weight = this.tensor(`${name}.weight`);
    if (weight.dtype === "float32") return ops.MatMul(g, this.texts.rows(rows.x), weight);
    rows.quantized ??= this.#quantizedRows(rows);
    const scale = this.tensor(scaleName(`${name}.weight`));
    const y = quantizedLinear(g, rows.quantized, weight, scale);
    const quantized = this.#quantized(name, rows);
    return g.stateGradient(y, [rows.x], (dy) => [() => linearGradient(g, quantized, dy)]);
  }

  #quantizedRows(rows: Rows): QuantizedRows {
    const { texts } = this;
    const quantized = quantizeRows(this.#g, texts.matrix(this.#scaled(rows)), rows.min, {
      zeros: this.#zeros,
      column: (scale) => texts.column(scale),
    });
    return { ...quantized, values: texts.rows(quantized.values) };
  }

  #quantized(name: string, { inputScale }: Rows): QuantizedWeight {
    return {
      name: `${name}.weight`,
      weights: this.#weights,
      inputScale,
      constant: (at, values) => this.#g.constant(at, this.#stored(values)),
    };
  }

  #scaled({ x, inputScale }: Rows): Value {
    if (inputScale === undefined || !this.#weights.has(inputScale)) return x;
    return ops.Mul(this.#g, x, this.tensor(inputScale));
  }

  /** Bias [out] or [D, 1, out]; with the offset of an input quantized above its minimum, which is folded at load. */
  #bias(name: string, { min }: Rows): Value {
    const bias = this.#vector(`${name}.bias`);
    if (!this.isInt8 || min === undefined || min === 0) return bias;
    return ops.Add(this.#g, bias, this.tensor(offsetName(`${name}.weight`)));
  }

  /** LayerNormalization by `<name>.weight` and `<name>.bias`. */
  norm(name: string, x: Value, epsilon: number): Value {
    const g = this.#g;
    const [gamma, beta] = [this.#vector(`${name}.weight`), this.#vector(`${name}.bias`)];
    const { isTrained = false } = this.#form;
    if ((isTrained || !this.isInt8) && gamma.dims.length === 1) {
      return ops.layerNorm(g, x, gamma, beta, epsilon, { keepsStatistics: isTrained });
    }
    return ops.Add(g, ops.Mul(g, ops.normalize(g, x, epsilon), gamma), beta);
  }

  /** Rows of a table: [n] ids -> [n, width] float32. */
  lookup(name: string, ids: Value, width: number): Value {
    const stored = this.#changes.replaced?.has(name) ? undefined : this.#weights.get(name);
    if (stored?.dtype === "uint8") {
      const values = this.#g.shared(name, () => stored);
      return gatherPacked(this.#g, { values, scale: this.tensor(scaleName(name)) }, ids, width);
    }
    const table = this.tensor(name);
    const rows = ops.Gather(this.#g, table, ids);
    if (table.dtype !== "int8") return rows;
    const scale = ops.Gather(this.#g, this.tensor(scaleName(name)), ids); // [n, 1]
    return ops.Mul(this.#g, ops.Cast(this.#g, rows, "float32"), scale);
  }

  /** The first Q of every T rows: B*T rows -> B*Q. */
  firstPositions(rows: Rows, inputs: EncoderInputs): Rows {
    const x = this.texts.rows(firstPositions(this.#g, rows.x, inputs));
    return rows.inputScale === undefined ? { x } : { x, inputScale: rows.inputScale };
  }
}

/** Any of the vectors that differ by text. */
const byText = ({ replaced }: Changes): Value | undefined =>
  [...(replaced?.values() ?? [])].find(({ dims }) => dims.length === 3);
