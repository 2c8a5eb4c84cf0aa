/**
 * An ONNX graph under construction: inputs, constants, nodes in topological order, outputs.
 *
 * The one idea: every `add` infers dtype and dims at once (shapes/infer.ts), so a mistake is reported
 * at the line that makes it and not by the runtime. Guarantees: names are unique, every node's inputs
 * exist before it, dims are in the normal form of dims.ts. Knows no model and writes no file.
 */
import { InputError } from "../core/errors.ts";
import { sizeOf } from "../core/model/shapes.ts";
import { float32, int64 } from "../core/model/tensor.ts";
import type { Dtype, Tensor } from "../core/model/tensor.ts";
import { normalDim, showDims } from "./shapes/dims.ts";
import type { Dim } from "./shapes/dims.ts";
import { CONTRIB_OPS, inferOutputs } from "./shapes/infer.ts";
import type { Attributes, Node, StatedGradient, Value } from "./shapes/value.ts";

export type { Dim } from "./shapes/dims.ts";
export type { Attribute, Attributes, Node, StatedGradient, Value } from "./shapes/value.ts";

export interface AddOptions {
  /** Name of the node and of its first output; generated from the op when absent. */
  readonly name?: string;
  /** Default: com.microsoft for the known contrib ops, else ai.onnx. */
  readonly domain?: string;
  /** Number of outputs requested, default 1. */
  readonly outputs?: number;
  /** Dims of output 0 where inference cannot know them, such as Reshape by a runtime shape. */
  readonly dims?: readonly Dim[];
}

export interface Initializer {
  readonly value: Value;
  readonly tensor: Tensor;
}

/** Opset 21: the first with QuantizeLinear in its present form; Gelu (20), ReduceMax by axes input (18). */
const OPSET = 21;

export class Graph {
  readonly opset = OPSET;
  readonly nodes: Node[] = [];
  readonly inputs: Value[] = [];
  readonly outputs: Value[] = [];
  readonly initializers = new Map<string, Initializer>();
  /** Gradients stated by `stateGradient`, by the value that they belong to. */
  readonly statedGradients = new Map<Value, StatedGradient>();
  readonly #names = new Set<string>();
  #counter = 0;

  /** Declares a graph input; its dims may be symbols. */
  input(name: string, dtype: Dtype, dims: readonly Dim[]): Value {
    const value = { name: this.#claim(name), dtype, dims: dims.map(normalDim) };
    this.inputs.push(value);
    return value;
  }

  /** Adds an initializer under a name of its own; the same name twice is an error. */
  constant(name: string, tensor: Tensor): Value {
    const { dtype, dims, data } = tensor;
    if (data.length !== sizeOf(dims)) {
      throw new InputError(
        "onnx-constant-invalid",
        `constant "${name}" ${showDims(dims)}: has ${data.length} elements, needs ${sizeOf(dims)}`,
      );
    }
    const value = { name: this.#claim(name), dtype, dims, constant: tensor };
    this.initializers.set(name, { value, tensor });
    return value;
  }

  /** The initializer `name`, made at the first call. */
  shared(name: string, make: () => Tensor): Value {
    return this.initializers.get(name)?.value ?? this.constant(name, make());
  }

  /** A float32 scalar; equal values share one initializer. */
  scalar(value: number): Value {
    return this.shared(`f32_${value}`, () => float32([], Float32Array.of(value)));
  }

  /** A 1-D int64 constant for shapes, axes and indices; equal lists share one initializer. */
  ints(...values: readonly number[]): Value {
    return this.shared(`i64_${values.join("_")}`, () => int64([values.length], values));
  }

  /** Adds a node and returns its first output. Throws `onnx-*` InputErrors that name the op. */
  add(
    op: string,
    inputs: readonly (Value | null)[],
    attributes: Attributes = {},
    options: AddOptions = {},
  ): Value {
    return this.addAll(op, inputs, attributes, options)[0]!;
  }

  /** Adds a node and returns all requested outputs. */
  addAll(
    op: string,
    inputs: readonly (Value | null)[],
    attributes: Attributes = {},
    options: AddOptions = {},
  ): Value[] {
    const count = options.outputs ?? 1;
    const inferred = inferOutputs(op, inputs, attributes, count, options.dims?.map(normalDim));
    const name = this.#claim(options.name ?? `${op}_${this.#counter++}`);
    const outputs = inferred.map(({ dtype, dims }, i) => ({
      name: i === 0 ? name : this.#claim(`${name}:${i}`),
      dtype,
      dims: dims.map(normalDim),
    }));
    const domain = options.domain ?? (CONTRIB_OPS.has(op) ? "com.microsoft" : "");
    this.nodes.push({ name, op, domain, inputs, outputs, attributes });
    return outputs;
  }

  /**
   * States how the gradient of `y` reaches `inputs`. The backward walk then skips the nodes between
   * them. For nodes without a useful slope (rounding), and for groups of nodes whose gradient is
   * shorter as a whole than node by node. `rule` receives dy and returns one thunk per input; it
   * runs only when a gradient is needed.
   */
  stateGradient(y: Value, inputs: readonly Value[], rule: StatedGradient["rule"]): Value {
    this.statedGradients.set(y, { inputs, outputs: [y], rule });
    return y;
  }

  /** Makes `value` a graph output, through an Identity when it needs another name. */
  output(value: Value, name: string = value.name): void {
    if (this.outputs.some((output) => output.name === name)) {
      throw new InputError("onnx-name-taken", `graph output "${name}" is declared twice`);
    }
    const isResult = this.nodes.some((node) => node.outputs.includes(value));
    this.outputs.push(
      isResult && value.name === name ? value : this.add("Identity", [value], {}, { name }),
    );
  }

  #claim(name: string): string {
    if (name === "" || this.#names.has(name)) {
      throw new InputError(
        "onnx-name-taken",
        `graph value "${name}": the name is ${name === "" ? "empty" : "already taken"}; every value needs its own`,
      );
    }
    this.#names.add(name);
    return name;
  }
}
