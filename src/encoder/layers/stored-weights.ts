/**
 * The weights of a base as parts of a graph. Layers ask for a tensor by name; it becomes a constant
 * at the first use, unless a task replaces it or adds a delta to it.
 *
 * One encoder serves the fp32 graph, the int8 graph and the training graph: the dtype of a stored
 * tensor decides the form of the layer that reads it.
 */
import { FormatError } from "../../core/errors.ts";
import type { Tensor, TensorOf } from "../../core/model/tensor.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import { rowZeros, signed } from "../../graph/quantization/int8.ts";
import type { EncoderInputs, GraphForm } from "./inputs.ts";
import { TextGroups, firstPositions } from "./rows.ts";
import type { Rows, RowsOptions } from "./rows.ts";
import type { Weights } from "./tensor-spec.ts";

/** What a task changes: weights fed instead of the stored ones, deltas and products on top of them. */
type Changes = Pick<EncoderInputs, "replaced" | "deltas" | "lowRank">;

/** Reads weights by name and adds each to the graph once. */
export class StoredWeights {
  readonly g: Graph;
  readonly form: GraphForm;
  readonly stored: Weights;
  readonly texts: TextGroups;
  /** Whether linears multiply 8-bit rows by 8-bit weights. */
  readonly isInt8: boolean;
  /** Whether those rows have 16 bits. */
  readonly hasFineRows: boolean;
  /** Rows by the name of the input scale that belongs to them. */
  readonly scaledInputs = new Map<string, Value>();
  /** Zero points of quantized rows, see rowZeros. */
  readonly zeros: (scale: Value) => Value;
  readonly #changes: Changes;
  readonly #vectors = new Map<string, Value>();

  constructor(g: Graph, stored: Weights, changes: Changes = {}, form: GraphForm = {}) {
    this.g = g;
    this.form = form;
    this.stored = stored;
    this.zeros = rowZeros(g);
    this.texts = new TextGroups(g, byText(changes));
    this.isInt8 = !form.isGpu && [...stored.values()].some(({ dtype }) => dtype === "uint8");
    this.hasFineRows = this.isInt8 && form.rowBits === 16;
    this.#changes = changes;
  }

  /** Whether `name` is fed to the graph instead of stored in it. */
  isReplaced(name: string): boolean {
    return this.#changes.replaced?.has(name) ?? false;
  }

  /** The weight `name`. Throws FormatError `tensor-missing`. */
  tensor(name: string): Value {
    const known = this.#changes.replaced?.get(name) ?? this.g.initializers.get(name)?.value;
    if (known) return known;
    const tensor = this.stored.get(name);
    if (tensor) return this.constant(name, tensor);
    throw new FormatError("tensor-missing", `tensor "${name}": the weights do not hold it`);
  }

  /** A constant; 8-bit weights of linears in the form that the graph's products take. */
  constant(name: string, tensor: Tensor): Value {
    const takesSigned = tensor.dtype === "uint8" && this.form.hasSignedWeights;
    return this.g.constant(name, takesSigned ? signed(tensor as TensorOf<"uint8">) : tensor);
  }

  /** A bias or norm weight, with its delta on top where it has one: [n] or [D, 1, n]. */
  vector(name: string): Value {
    const delta = this.#changes.deltas?.get(name);
    if (!delta) return this.tensor(name);
    const known = this.#vectors.get(name);
    if (known) return known;
    const sum = ops.Add(this.g, this.tensor(name), delta);
    this.#vectors.set(name, sum);
    return sum;
  }

  /** The products of low rank on top of linears, where the graph has such. */
  get lowRank(): EncoderInputs["lowRank"] {
    return this.#changes.lowRank;
  }

  /** Wraps activations for the linears that read them. */
  rows(x: Value, options: RowsOptions = {}): Rows {
    if (options.inputScale !== undefined) this.scaledInputs.set(options.inputScale, x);
    return { x, ...options };
  }

  /** The first Q of every T rows: B*T rows -> B*Q. */
  firstPositions({ x, inputScale }: Rows, inputs: EncoderInputs): Rows {
    return { x: this.texts.rows(firstPositions(this.g, x, inputs)), inputScale };
  }
}

/** Any of the vectors that differ by text. */
const byText = ({ replaced }: Changes): Value | undefined =>
  [...(replaced?.values() ?? [])].find(({ dims }) => dims.length === 3);
