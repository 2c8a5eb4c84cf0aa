/**
 * Shape and dtype inference: one table, op -> rule.
 *
 * A rule sees the inputs and attributes of one node and answers with the dtype and dims of its
 * outputs, or throws an InputError that names the op and what it found. Dims follow ONNX operator
 * semantics at opset 21 (onnx.ai/onnx/operators) and ONNX Runtime's contrib operators.
 */
import { InputError } from "../../src/core/errors.ts";
import type { Dtype } from "../../src/core/tensor.ts";
import { broadcast, product, quotient, showDims, sum } from "./dims.ts";
import type { Dim } from "./dims.ts";
import type { Attributes, Value } from "./value.ts";

export interface Inferred {
  readonly dtype: Dtype;
  readonly dims: readonly Dim[];
}

interface Call {
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

type Rule = (call: Call) => Inferred[];

/** Ops of the com.microsoft domain that this project emits. */
export const CONTRIB_OPS: ReadonlySet<string> = new Set([
  "BiasGelu",
  "DynamicQuantizeMatMul",
  "FastGelu",
  "FusedMatMul",
  "GatherBlockQuantized",
  "MatMulIntegerToFloat",
  "MultiHeadAttention",
  "QuickGelu",
  "SkipLayerNormalization",
]);

/** Infers every requested output; unknown ops and contradictions are errors. */
export function inferOutputs(
  op: string,
  inputs: readonly (Value | null)[],
  attributes: Attributes,
  count: number,
  stated: readonly Dim[] | undefined,
): Inferred[] {
  const fail = (what: string): never => {
    const shown = inputs.map((v) => (v ? `${v.name} ${v.dtype}${showDims(v.dims)}` : "(none)"));
    throw new InputError("onnx-shape-mismatch", `${op}(${shown.join(", ")}): ${what}`);
  };
  const rule = Object.hasOwn(RULES, op) ? RULES[op]! : undefined;
  if (!rule) {
    throw new InputError(
      "onnx-op-unknown",
      `op "${op}": has no inference rule; known are ${Object.keys(RULES).toSorted().join(", ")}`,
    );
  }
  const at = (i: number): Value => inputs[i] ?? fail(`input ${i} is missing`);
  const outputs = rule({ op, at, inputs, attributes, count, stated, fail });
  if (outputs.length < count) fail(`has ${outputs.length} outputs, ${count} were requested`);
  const first = outputs[0]!;
  if (stated && stated.length !== first.dims.length) {
    fail(`dims were stated as ${showDims(stated)}, inferred ${showDims(first.dims)}`);
  }
  if (stated) {
    const wrong = first.dims.some(
      (dim, i) => typeof dim === "number" && typeof stated[i] === "number" && dim !== stated[i],
    );
    if (wrong) fail(`dims were stated as ${showDims(stated)}, inferred ${showDims(first.dims)}`);
    outputs[0] = { dtype: first.dtype, dims: stated };
  }
  return outputs.slice(0, count);
}

/** Integer attribute or its default. */
function int({ attributes, fail }: Call, name: string, fallback?: number): number {
  const found = attributes[name] ?? fallback;
  return typeof found === "number" ? found : fail(`attribute "${name}" must be a number`);
}

/** Attribute that is a list of integers, or undefined. */
function intList({ attributes, fail }: Call, name: string): readonly number[] | undefined {
  const found = attributes[name];
  if (found === undefined) return undefined;
  if (Array.isArray(found)) return found as readonly number[];
  return fail(`attribute "${name}" must be a list of integers`);
}

/** The values of an integer constant at input `i`, or undefined when known only at run time. */
function constantInts({ inputs }: Call, i: number): number[] | undefined {
  const tensor = inputs[i]?.constant;
  if (tensor?.dtype !== "int64" && tensor?.dtype !== "int32") return undefined;
  return Array.from(tensor.data, Number);
}

/** Axis counted from the front. */
function axisOf(call: Call, axis: number, rank: number): number {
  const front = axis < 0 ? axis + rank : axis;
  if (front < 0 || front >= rank) call.fail(`axis ${axis} is outside rank ${rank}`);
  return front;
}

const same: Rule = ({ at }) => [{ dtype: at(0).dtype, dims: at(0).dims }];

const elementwise =
  (dtype?: Dtype): Rule =>
  ({ op, at, inputs, fail }) => {
    for (const input of inputs) {
      if (input?.dtype !== at(0).dtype) fail(`inputs must share one dtype`);
    }
    const dims = broadcast(op, ...inputs.map((input) => input!.dims));
    return [{ dtype: dtype ?? at(0).dtype, dims }];
  };

const reduce: Rule = (call) => {
  const x = call.at(0);
  const axes = call.inputs[1] ? constantInts(call, 1) : x.dims.map((_, i) => i);
  if (!axes) return call.fail("axes must be a constant");
  const dropped = new Set(axes.map((axis) => axisOf(call, axis, x.dims.length)));
  const keep = int(call, "keepdims", 1) === 1;
  const dims = x.dims.flatMap((dim, i) => (dropped.has(i) ? (keep ? [1] : []) : [dim]));
  return [{ dtype: x.dtype, dims }];
};

/** Dims of a matrix product, with `transA` and `transB` as FusedMatMul has them. */
function matmulDims(call: Call, transA = false, transB = false): Dim[] {
  const turn = (dims: readonly Dim[], flip: boolean): Dim[] =>
    flip ? [...dims.slice(0, -2), dims.at(-1)!, dims.at(-2)!] : [...dims];
  const [left, right] = [call.at(0), call.at(1)];
  if (left.dims.length < 2 || right.dims.length < 2) return call.fail("needs rank 2 or more");
  const a = turn(left.dims, transA);
  const b = turn(right.dims, transB);
  if (a.at(-1) !== b.at(-2)) {
    call.fail(`inner dimensions differ: ${showDims(a)} times ${showDims(b)}`);
  }
  return [...broadcast(call.op, a.slice(0, -2), b.slice(0, -2)), a.at(-2)!, b.at(-1)!];
}

function matmul(dtype?: Dtype): Rule {
  return (call) => {
    const { attributes, at } = call;
    const dims = matmulDims(call, attributes["transA"] === 1, attributes["transB"] === 1);
    return [{ dtype: dtype ?? at(0).dtype, dims }];
  };
}

const reshape: Rule = (call) => {
  const x = call.at(0);
  const shape = constantInts(call, 1);
  if (!shape) {
    if (!call.stated) return call.fail("the shape is known only at run time: state the dims");
    return [{ dtype: x.dtype, dims: call.stated }];
  }
  const known = shape.map((dim, i): Dim => {
    if (dim !== 0) return dim === -1 ? 1 : dim;
    return x.dims[i] ?? call.fail(`shape copies dimension ${i}, which the input does not have`);
  });
  const [size, knownSize] = [product(x.dims), product(known)];
  const rest = quotient(size, knownSize);
  const isNumeric = typeof size === "number" && typeof knownSize === "number";
  const open = shape.indexOf(-1);
  if (open < 0) {
    const isWrong = rest === undefined ? isNumeric : rest !== 1;
    if (isWrong) call.fail(`cannot become ${showDims(known)}`);
    return [{ dtype: x.dtype, dims: known }];
  }
  known[open] = rest ?? call.stated?.[open] ?? call.fail(`cannot tell dimension ${open}: state it`);
  return [{ dtype: x.dtype, dims: known }];
};

const concat: Rule = (call) => {
  const first = call.at(0);
  const axis = axisOf(call, int(call, "axis"), first.dims.length);
  const dims = first.dims.map((dim, i) =>
    i === axis ? sum(call.inputs.map((input) => input!.dims[i] ?? call.fail("ranks differ"))) : dim,
  );
  for (const input of call.inputs) {
    if (input!.dtype !== first.dtype) call.fail("inputs must share one dtype");
    if (input!.dims.some((dim, i) => i !== axis && dim !== dims[i])) {
      call.fail(`dimensions other than axis ${axis} must be equal`);
    }
  }
  return [{ dtype: first.dtype, dims }];
};

const split: Rule = (call) => {
  const x = call.at(0);
  const axis = axisOf(call, int(call, "axis", 0), x.dims.length);
  const sizes = call.inputs[1]
    ? (constantInts(call, 1) ?? call.fail("split sizes must be a constant"))
    : Array.from({ length: int(call, "num_outputs") }, (_, i, n = int(call, "num_outputs")) => {
        const part = quotient(x.dims[axis]!, n);
        return part ?? call.fail(`cannot split dimension ${axis} in ${n} equal parts (part ${i})`);
      });
  return sizes.map((size) => ({ dtype: x.dtype, dims: x.dims.with(axis, size) }));
};

const slice: Rule = (call) => {
  const x = call.at(0);
  const [starts, ends] = [constantInts(call, 1), constantInts(call, 2)];
  const rank = x.dims.length;
  const axes = call.inputs[3]
    ? (constantInts(call, 3) ?? call.fail("axes must be a constant"))
    : Array.from({ length: rank }, (_, i) => i);
  const steps = call.inputs[4] ? constantInts(call, 4) : axes.map(() => 1);
  const dims = [...x.dims];
  axes.forEach((given, i) => {
    const axis = axisOf(call, given, rank);
    const [dim, start, end, step] = [x.dims[axis]!, starts?.[i], ends?.[i], steps?.[i]];
    const state = (): Dim => call.stated?.[axis] ?? call.fail(`cannot tell axis ${axis}: state it`);
    if (start === undefined || end === undefined || step === undefined) dims[axis] = state();
    else if (typeof dim === "number") dims[axis] = sliceLength(dim, start, end, step);
    else if (start === 0 && end >= 2 ** 31 - 1 && step === 1) dims[axis] = dim;
    // A constant window of a symbolic axis, such as [0, 1), is taken to lie inside it.
    else if (step === 1 && start >= 0 === end >= 0 && end - start > 0 && end < 2 ** 31 - 1) {
      dims[axis] = call.stated?.[axis] ?? end - start;
    } else dims[axis] = state();
  });
  return [{ dtype: x.dtype, dims }];
};

function sliceLength(dim: number, start: number, end: number, step: number): number {
  const clamp = (at: number, low: number, high: number): number =>
    Math.min(Math.max(at < 0 ? at + dim : at, low), high);
  const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
  return Math.max(0, Math.ceil((clamp(end, low, high) - clamp(start, low, high)) / step));
}

const gather: Rule = (call) => {
  const [x, indices] = [call.at(0), call.at(1)];
  const axis = axisOf(call, int(call, "axis", 0), x.dims.length);
  return [{ dtype: x.dtype, dims: x.dims.toSpliced(axis, 1, ...indices.dims) }];
};

/** Two 4-bit or one 8-bit number a byte of the table; gather_axis 0, the rows quantized along axis 1. */
const gatherPacked: Rule = (call) => {
  const [table, indices] = [call.at(0), call.at(1)];
  const width = (Number(table.dims[1]) * 8) / int(call, "bits", 4);
  return [{ dtype: call.at(2).dtype, dims: [...indices.dims, width] }];
};

const pad: Rule = (call) => {
  const x = call.at(0);
  const pads = constantInts(call, 1);
  const rank = x.dims.length;
  if (!pads) return [{ dtype: x.dtype, dims: call.stated ?? call.fail("state the dims") }];
  const dims = x.dims.map((dim, i) => sum([dim, pads[i]! + pads[i + rank]!]));
  return [{ dtype: x.dtype, dims }];
};

const transpose: Rule = (call) => {
  const x = call.at(0);
  const perm = intList(call, "perm") ?? x.dims.map((_, i) => x.dims.length - 1 - i);
  if (perm.length !== x.dims.length || new Set(perm).size !== perm.length) {
    call.fail(`perm [${perm.join(", ")}] does not fit rank ${x.dims.length}`);
  }
  const dims = perm.map((i) => x.dims[i] ?? call.fail(`perm names axis ${i}`));
  return [{ dtype: x.dtype, dims }];
};

const squeeze: Rule = (call) => {
  const x = call.at(0);
  const axes = constantInts(call, 1) ?? call.fail("axes must be a constant");
  const dropped = new Set(axes.map((axis) => axisOf(call, axis, x.dims.length)));
  for (const axis of dropped) {
    if (x.dims[axis] !== 1) call.fail(`axis ${axis} is ${x.dims[axis]}, expected 1`);
  }
  return [{ dtype: x.dtype, dims: x.dims.filter((_, i) => !dropped.has(i)) }];
};

const unsqueeze: Rule = (call) => {
  const x = call.at(0);
  const axes = constantInts(call, 1) ?? call.fail("axes must be a constant");
  const rank = x.dims.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(call, axis, rank)));
  let next = 0;
  const dims = Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : x.dims[next++]!));
  return [{ dtype: x.dtype, dims }];
};

/** Output shaped by an int64 vector at input `i`: Expand, ConstantOfShape, Range, OneHot. */
const runtimeShape = (call: Call, i: number): readonly Dim[] =>
  constantInts(call, i) ??
  call.stated ??
  call.fail("the shape is known only at run time: state the dims");

const expand: Rule = (call) => {
  const x = call.at(0);
  const shape = constantInts(call, 1);
  const dims = shape ? broadcast(call.op, x.dims, shape) : runtimeShape(call, 1);
  return [{ dtype: x.dtype, dims }];
};

const constantOfShape: Rule = (call) => {
  const value = call.attributes["value"];
  const dtype = typeof value === "object" && "dtype" in value ? value.dtype : "float32";
  return [{ dtype, dims: runtimeShape(call, 0) }];
};

const cast: Rule = (call) => {
  const to = int(call, "to");
  const dtype = CAST_DTYPES[to] ?? call.fail(`attribute "to" ${to} is no known dtype`);
  return [{ dtype, dims: call.at(0).dims }];
};

/** TensorProto.DataType numbers (onnx.proto3) that a Cast may name. */
const CAST_DTYPES: Readonly<Record<number, Dtype>> = {
  1: "float32",
  2: "uint8",
  3: "int8",
  6: "int32",
  7: "int64",
  9: "bool",
  10: "float16",
  11: "float64",
};

const where: Rule = ({ op, at, fail }) => {
  if (at(0).dtype !== "bool") fail("the condition must be bool");
  if (at(1).dtype !== at(2).dtype) fail("both branches must share one dtype");
  return [{ dtype: at(1).dtype, dims: broadcast(op, at(0).dims, at(1).dims, at(2).dims) }];
};

const layerNorm: Rule = (call) => {
  const x = call.at(0);
  const axis = axisOf(call, int(call, "axis", -1), x.dims.length);
  const stats = x.dims.map((dim, i) => (i < axis ? dim : 1));
  return [
    { dtype: x.dtype, dims: x.dims },
    { dtype: "float32", dims: stats }, // mean
    { dtype: "float32", dims: stats }, // 1 / standard deviation
  ];
};

const skipLayerNorm: Rule = ({ at, op }) => {
  const dims = broadcast(op, at(0).dims, at(1).dims);
  const x = { dtype: at(0).dtype, dims };
  const stats = { dtype: "float32" as const, dims: [...dims.slice(0, -1), 1] };
  return [x, stats, stats, x]; // output, mean, 1 / standard deviation, input + skip + bias
};

/** query [B, Q, H], past [B, N, P, D] -> output, present key and value [B, N, P+T, D]. */
const multiHeadAttention: Rule = (call) => {
  const [query, value] = [call.at(0), call.at(2)];
  const heads = int(call, "num_heads");
  const output = { dtype: query.dtype, dims: [...query.dims.slice(0, 2), value.dims.at(-1)!] };
  if (call.count === 1) return [output];
  const size = quotient(query.dims[2]!, heads) ?? call.fail(`width does not split in ${heads}`);
  const past = call.inputs[6];
  const length = past ? sum([past.dims[2]!, value.dims[1]!]) : value.dims[1]!;
  const present = { dtype: query.dtype, dims: [query.dims[0]!, heads, length, size] };
  return [output, present, present];
};

const int64Vector = (length: Dim): Inferred => ({ dtype: "int64", dims: [length] });

const RULES: Readonly<Record<string, Rule>> = {
  Abs: same,
  Add: elementwise(),
  And: elementwise("bool"),
  BiasGelu: same,
  Cast: cast,
  Ceil: same,
  Clip: same,
  Concat: concat,
  ConstantOfShape: constantOfShape,
  Cos: same,
  CumSum: same,
  DequantizeLinear: ({ at }) => [{ dtype: "float32", dims: at(0).dims }],
  Div: elementwise(),
  DynamicQuantizeLinear: ({ at }) => [
    { dtype: "uint8", dims: at(0).dims },
    { dtype: "float32", dims: [] },
    { dtype: "uint8", dims: [] },
  ],
  DynamicQuantizeMatMul: matmul("float32"),
  Equal: elementwise("bool"),
  Erf: same,
  Exp: same,
  Expand: expand,
  FastGelu: same,
  Floor: same,
  FusedMatMul: matmul(),
  Gather: gather,
  GatherBlockQuantized: gatherPacked,
  GatherElements: ({ at }) => [{ dtype: at(0).dtype, dims: at(1).dims }],
  Gelu: same,
  Greater: elementwise("bool"),
  GreaterOrEqual: elementwise("bool"),
  HardSigmoid: same,
  Identity: same,
  LayerNormalization: layerNorm,
  Less: elementwise("bool"),
  LessOrEqual: elementwise("bool"),
  Log: same,
  LogSoftmax: same,
  MatMul: matmul(),
  MatMulInteger: matmul("int32"),
  MatMulIntegerToFloat: matmul("float32"),
  Max: elementwise(),
  Min: elementwise(),
  Mod: elementwise(),
  Mul: elementwise(),
  MultiHeadAttention: multiHeadAttention,
  Neg: same,
  Not: same,
  OneHot: (call) => [{ dtype: call.at(2).dtype, dims: call.stated ?? call.fail("state the dims") }],
  Or: elementwise("bool"),
  Pad: pad,
  Pow: ({ op, at }) => [{ dtype: at(0).dtype, dims: broadcast(op, at(0).dims, at(1).dims) }],
  QuantizeLinear: ({ at, inputs }) => [{ dtype: inputs[2]?.dtype ?? "uint8", dims: at(0).dims }],
  QuickGelu: same,
  Range: (call) => [{ dtype: call.at(0).dtype, dims: call.stated ?? call.fail("state the dims") }],
  Reciprocal: same,
  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceSum: reduce,
  ReduceSumSquare: reduce,
  ReduceL2: reduce,
  Relu: same,
  Reshape: reshape,
  Round: same,
  ScatterElements: same,
  ScatterND: same,
  Shape: (call) => {
    const rank = call.at(0).dims.length;
    const start = int(call, "start", 0);
    return [int64Vector(sliceLength(rank, start, int(call, "end", rank), 1))];
  },
  Sigmoid: same,
  Sign: same,
  Sin: same,
  SkipLayerNormalization: skipLayerNorm,
  Slice: slice,
  Softmax: same,
  Softplus: same,
  Split: split,
  Sqrt: same,
  Squeeze: squeeze,
  Sub: elementwise(),
  Sum: elementwise(),
  Tanh: same,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
  Where: where,
};
