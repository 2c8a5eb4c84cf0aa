/**
 * Typed helpers named as ONNX names its operators, the graph first; then the composites that
 * transformers are made of. A helper exists where it fixes an attribute or a constant input;
 * anything else is `graph.add`.
 */
import { InputError } from "../core/errors.ts";
import type { Dtype } from "../core/model/tensor.ts";
import type { Dim, Graph, Value } from "./graph.ts";
import { DATA_TYPES } from "./shapes/data-types.ts";

export const Abs = (g: Graph, x: Value): Value => g.add("Abs", [x]);
export const Add = (g: Graph, a: Value, b: Value): Value => g.add("Add", [a, b]);
export const Sub = (g: Graph, a: Value, b: Value): Value => g.add("Sub", [a, b]);
export const Mul = (g: Graph, a: Value, b: Value): Value => g.add("Mul", [a, b]);
export const Div = (g: Graph, a: Value, b: Value): Value => g.add("Div", [a, b]);
export const Max = (g: Graph, a: Value, b: Value): Value => g.add("Max", [a, b]);
export const Neg = (g: Graph, x: Value): Value => g.add("Neg", [x]);
export const Exp = (g: Graph, x: Value): Value => g.add("Exp", [x]);
export const Log = (g: Graph, x: Value): Value => g.add("Log", [x]);
export const Sqrt = (g: Graph, x: Value): Value => g.add("Sqrt", [x]);
export const Tanh = (g: Graph, x: Value): Value => g.add("Tanh", [x]);
export const Sigmoid = (g: Graph, x: Value): Value => g.add("Sigmoid", [x]);
export const Relu = (g: Graph, x: Value): Value => g.add("Relu", [x]);
export const Erf = (g: Graph, x: Value): Value => g.add("Erf", [x]);
export const Reciprocal = (g: Graph, x: Value): Value => g.add("Reciprocal", [x]);
export const Equal = (g: Graph, a: Value, b: Value): Value => g.add("Equal", [a, b]);
export const Identity = (g: Graph, x: Value, name: string): Value =>
  g.add("Identity", [x], {}, { name });

/** a [.., M, K] times b [.., K, N]. */
export const MatMul = (g: Graph, a: Value, b: Value): Value => g.add("MatMul", [a, b]);

/** alpha * op(a) op(b); op transposes the last two axes where asked (com.microsoft). */
export function FusedMatMul(
  g: Graph,
  a: Value,
  b: Value,
  options: { alpha?: number; transA?: boolean; transB?: boolean } = {},
): Value {
  return g.add("FusedMatMul", [a, b], {
    alpha: options.alpha ?? 1,
    transA: options.transA ? 1 : 0,
    transB: options.transB ? 1 : 0,
  });
}

export const Softmax = (g: Graph, x: Value, { axis = -1 } = {}): Value =>
  g.add("Softmax", [x], { axis });

export const LogSoftmax = (g: Graph, x: Value, { axis = -1 } = {}): Value =>
  g.add("LogSoftmax", [x], { axis });

interface ReduceOptions {
  readonly axes: readonly number[];
  readonly keepdims?: boolean;
}

const reduce =
  (op: string) =>
  (g: Graph, x: Value, { axes, keepdims = true }: ReduceOptions): Value =>
    g.add(op, [x, g.ints(...axes)], { keepdims: keepdims ? 1 : 0 });

export const ReduceSum = reduce("ReduceSum");
export const ReduceMean = reduce("ReduceMean");
export const ReduceSumSquare = reduce("ReduceSumSquare");
export const ReduceMax = reduce("ReduceMax");

/** Reshape by constants; 0 copies the input's dimension, -1 is worked out. `dims` names what cannot be inferred. */
export const Reshape = (
  g: Graph,
  x: Value,
  shape: readonly number[],
  dims?: readonly Dim[],
): Value => g.add("Reshape", [x, g.ints(...shape)], {}, dims ? { dims } : {});

/** Reshape by a shape computed at run time; `dims` states what it will be. */
export const ReshapeTo = (g: Graph, x: Value, shape: Value, dims: readonly Dim[]): Value =>
  g.add("Reshape", [x, shape], {}, { dims });

export const Transpose = (g: Graph, x: Value, perm: readonly number[]): Value =>
  g.add("Transpose", [x], { perm });

export const Concat = (g: Graph, parts: readonly Value[], axis: number): Value =>
  g.add("Concat", parts, { axis });

export const Gather = (g: Graph, x: Value, indices: Value, axis = 0): Value =>
  g.add("Gather", [x, indices], { axis });

export const Squeeze = (g: Graph, x: Value, ...axes: number[]): Value =>
  g.add("Squeeze", [x, g.ints(...axes)]);

export const Unsqueeze = (g: Graph, x: Value, ...axes: number[]): Value =>
  g.add("Unsqueeze", [x, g.ints(...axes)]);

/** x[start:end] along `axis`; start and end are [1] int64 values. `dims` states the result where it is symbolic. */
export const Slice = (
  g: Graph,
  x: Value,
  start: Value,
  end: Value,
  axis: number,
  dims?: readonly Dim[],
): Value => g.add("Slice", [x, start, end, g.ints(axis)], {}, dims ? { dims } : {});

/**
 * x in parts of these sizes along `axis`. Where there are more than `most`, it is split twice or
 * more often: a GPU binds a few outputs to a node only.
 */
export function Split(
  g: Graph,
  x: Value,
  sizes: readonly number[],
  axis: number,
  most: number = Infinity,
): Value[] {
  if (sizes.length === 1) return [x];
  if (sizes.length <= most) {
    return g.addAll("Split", [x, g.ints(...sizes)], { axis }, { outputs: sizes.length });
  }
  const each = Math.ceil(sizes.length / most);
  const groups = Array.from({ length: Math.ceil(sizes.length / each) }, (_, i) =>
    sizes.slice(i * each, (i + 1) * each),
  );
  const totals = groups.map((group) => group.reduce((sum, size) => sum + size, 0));
  return Split(g, x, totals, axis, most).flatMap((part, i) =>
    Split(g, part, groups[i]!, axis, most),
  );
}

/** Dimensions [start, end) of x as a 1-D int64 value. */
export const Shape = (g: Graph, x: Value, start: number, end: number): Value =>
  g.add("Shape", [x], { start, end });

export const Expand = (g: Graph, x: Value, shape: Value, dims: readonly Dim[]): Value =>
  g.add("Expand", [x, shape], {}, { dims });

export const Cast = (g: Graph, x: Value, to: Dtype): Value =>
  g.add("Cast", [x], { to: DATA_TYPES[to] });

export const Where = (g: Graph, condition: Value, yes: Value, no: Value): Value =>
  g.add("Where", [condition, yes, no]);

/**
 * LayerNormalization over the last axis, x [.., H], gamma and beta [H], beta may be null. With
 * `keepsStatistics` the node also has the outputs mean and 1 / standard deviation, so that its
 * gradient need not compute them again.
 */
export function layerNorm(
  g: Graph,
  x: Value,
  gamma: Value,
  beta: Value | null,
  epsilon: number,
  { keepsStatistics = false } = {},
): Value {
  const outputs = keepsStatistics ? 3 : 1;
  const attributes = { axis: -1, epsilon };
  const inputs = beta ? [x, gamma, beta] : [x, gamma];
  return g.addAll("LayerNormalization", inputs, attributes, { outputs })[0]!;
}

/**
 * x / sqrt(mean(x * x) + epsilon) * gamma over the last axis, as one op of ONNX Runtime (RMSNorm;
 * ai.onnx has it from opset 23). `keepsStatistics` adds the output 1 / root mean square.
 */
export function rmsNorm(
  g: Graph,
  x: Value,
  gamma: Value,
  epsilon: number,
  { keepsStatistics = false } = {},
): Value {
  const outputs = keepsStatistics ? 2 : 1;
  const attributes = { axis: -1, epsilon };
  return g.addAll("SimplifiedLayerNormalization", [x, gamma], attributes, { outputs })[0]!;
}

/**
 * (x - mean) / sqrt(variance + epsilon) over the last axis, from elementary ops. In wasm,
 * LayerNormalization runs three times slower than its parts (0.25 against 0.09 ms for 128 x 384):
 * serving takes this form, training the op with one gradient.
 */
export function normalize(g: Graph, x: Value, epsilon: number): Value {
  const width = Number(x.dims.at(-1));
  const centred = Sub(g, x, ReduceMean(g, x, { axes: [-1] }));
  const squares = ReduceSumSquare(g, centred, { axes: [-1] });
  const variance = Add(g, Mul(g, squares, g.scalar(1 / width)), g.scalar(epsilon));
  return Mul(g, centred, Reciprocal(g, Sqrt(g, variance)));
}

/** x / sqrt(mean(x * x) + epsilon) over the last axis, from elementary ops, as `normalize`. */
export function normalizeRms(g: Graph, x: Value, epsilon: number): Value {
  const width = Number(x.dims.at(-1));
  const squares = ReduceSumSquare(g, x, { axes: [-1] });
  const mean = Add(g, Mul(g, squares, g.scalar(1 / width)), g.scalar(epsilon));
  return Mul(g, x, Reciprocal(g, Sqrt(g, mean)));
}

/** The activations of a feed-forward block, by Hugging Face's names. */
export const ACTIVATIONS = {
  gelu: (g: Graph, x: Value) => g.add("Gelu", [x], { approximate: "none" }),
  gelu_new: (g: Graph, x: Value) => g.add("Gelu", [x], { approximate: "tanh" }),
  gelu_pytorch_tanh: (g: Graph, x: Value) => g.add("Gelu", [x], { approximate: "tanh" }),
  relu: Relu,
  silu: (g: Graph, x: Value) => Mul(g, x, Sigmoid(g, x)),
} as const satisfies Record<string, (g: Graph, x: Value) => Value>;

export type Activation = keyof typeof ACTIVATIONS;

/** Returns `name`, a field's, as an activation that the graph implements, or throws `activation-unsupported`. */
export function checkActivation(subject: string, field: string, name: string): Activation {
  if (Object.hasOwn(ACTIVATIONS, name)) return name as Activation;
  throw new InputError(
    "activation-unsupported",
    `${subject}: ${field} is "${name}"; supported are ${Object.keys(ACTIVATIONS).join(", ")}`,
  );
}
