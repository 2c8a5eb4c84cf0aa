/**
 * Shape and dtype inference: one table, op -> rule. Ops that only move numbers are in infer-layout.ts.
 *
 * A rule receives the inputs and attributes of one node and returns the dtype and dims of its
 * outputs, or throws an InputError that names the op and what it found. Dims follow ONNX operator
 * semantics at opset 21 (onnx.ai/onnx/operators) and ONNX Runtime's contrib operators.
 */
import { InputError } from "../../core/errors.ts";
import type { Dtype } from "../../core/model/tensor.ts";
import { dtypeOf } from "./data-types.ts";
import { broadcast, quotient, showDims, sum } from "./dims.ts";
import type { Dim } from "./dims.ts";
import { axisOf, constantInts, int } from "./infer-call.ts";
import type { Call, Inferred, Rule } from "./infer-call.ts";
import { LAYOUT_RULES } from "./infer-layout.ts";
import type { Attributes, Value } from "./value.ts";

/** Ops of the com.microsoft domain that this project emits. */
export const CONTRIB_OPS: ReadonlySet<string> = new Set([
  "BiasGelu",
  "DynamicQuantizeMatMul",
  "FastGelu",
  "FusedMatMul",
  "GatherBlockQuantized",
  "MatMulIntegerToFloat",
  "MatMulNBits",
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

/** x [.., K] times a weight [N, blocks, block_size] whose sizes the attributes say. */
const matmulBlocks: Rule = (call) => {
  const x = call.at(0);
  const [inputs, outputs] = [int(call, "K"), int(call, "N")];
  const [rows, blocks, size] = call.at(1).dims;
  if (x.dims.at(-1) !== inputs) call.fail(`the rows have ${x.dims.at(-1)} columns, K is ${inputs}`);
  const isFilled = rows === outputs && blocks === Math.ceil(inputs / int(call, "block_size"));
  if (!isFilled || size !== (int(call, "block_size") * int(call, "bits")) / 8) {
    call.fail(`the weight does not hold [${outputs}, ${inputs}] in blocks`);
  }
  return [{ dtype: x.dtype, dims: [...x.dims.slice(0, -1), outputs] }];
};

const cast: Rule = (call) => {
  const to = int(call, "to");
  const dtype = dtypeOf(to) ?? call.fail(`attribute "to" ${to} is no known dtype`);
  return [{ dtype, dims: call.at(0).dims }];
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

/** ONNX Runtime's op in the domain ai.onnx: RMSNorm over the last axes. */
const rmsNorm: Rule = (call) => {
  const x = call.at(0);
  const axis = axisOf(call, int(call, "axis", -1), x.dims.length);
  const stats = x.dims.map((dim, i) => (i < axis ? dim : 1));
  return [
    { dtype: x.dtype, dims: x.dims },
    { dtype: "float32", dims: stats }, // 1 / root mean square
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

const RULES: Readonly<Record<string, Rule>> = {
  ...LAYOUT_RULES,
  Abs: same,
  Add: elementwise(),
  And: elementwise("bool"),
  BiasGelu: same,
  Cast: cast,
  Ceil: same,
  Clip: same,
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
  FastGelu: same,
  Floor: same,
  FusedMatMul: matmul(),
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
  MatMulNBits: matmulBlocks,
  Max: elementwise(),
  Min: elementwise(),
  Mod: elementwise(),
  Mul: elementwise(),
  MultiHeadAttention: multiHeadAttention,
  Neg: same,
  Not: same,
  Or: elementwise("bool"),
  Pow: ({ op, at }) => [{ dtype: at(0).dtype, dims: broadcast(op, at(0).dims, at(1).dims) }],
  QuantizeLinear: ({ at, inputs }) => [{ dtype: inputs[2]?.dtype ?? "uint8", dims: at(0).dims }],
  QuickGelu: same,
  Reciprocal: same,
  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceSum: reduce,
  ReduceSumSquare: reduce,
  ReduceL2: reduce,
  Relu: same,
  Round: same,
  ScatterElements: same,
  ScatterND: same,
  Sigmoid: same,
  Sign: same,
  SimplifiedLayerNormalization: rmsNorm,
  Sin: same,
  SkipLayerNormalization: skipLayerNorm,
  Softmax: same,
  Softplus: same,
  Sqrt: same,
  Sub: elementwise(),
  Sum: elementwise(),
  Tanh: same,
  Where: where,
};
