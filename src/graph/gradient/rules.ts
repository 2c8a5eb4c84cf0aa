/**
 * One rule per ONNX op: given the gradients `dy` of a node's outputs, how to emit those of its
 * inputs. Above each rule stand its forward formula and its derivative; GRADIENTS.md derives the
 * ones that are not obvious; test/unit/graph/gradient/rules.test.ts checks every rule by name
 * against central differences.
 *
 * A rule returns one thunk per input, and the walk (walk.ts) calls only those that lie on a path to
 * a target, so that unneeded gradients are never emitted. null = no gradient (indices, shapes,
 * conditions).
 */
import { geluSlope, geluTanhSlope } from "./gelu-slopes.ts";
import {
  axisOf,
  floatAttribute,
  inputOf,
  intAttribute,
  inverse,
  missingRule,
  once,
  padLike,
  reshapeLike,
  scatterLike,
  shareOf,
  sliceLike,
  spreadLike,
  sumTo,
  toRows,
  zerosLike,
} from "./rule-shapes.ts";
import type { Graph, Node, Value } from "../graph.ts";
import {
  Add,
  Cast,
  Concat,
  Div,
  Exp,
  FusedMatMul,
  Mul,
  Neg,
  ReduceMean,
  ReduceSum,
  Reciprocal,
  Sigmoid,
  Sqrt,
  Sub,
  Transpose,
  Where,
} from "../ops.ts";

/** Emits the gradient of one input, in that input's shape. */
export type Emit = () => Value;

/** One node as its rule sees it; `b` and `dy` throw where there is none. */
export interface Call {
  readonly g: Graph;
  readonly node: Node;
  readonly a: Value; // first input
  readonly b: Value; // second input
  readonly y: Value; // first output
  readonly dy: Value; // gradient of the first output
  readonly dys: readonly (Value | null)[]; // of every output, null where the loss does not use it
}

export type Rule = (call: Call) => readonly (Emit | null)[];

/** Rule of an op with one differentiable input. */
const unary =
  (dx: (call: Call) => Value): Rule =>
  (call) => [() => dx(call)];

/** Rule of an elementwise op with two inputs: each gradient is summed over what was broadcast. */
const binary =
  (da: (call: Call) => Value, db: (call: Call) => Value): Rule =>
  (call) => [() => sumTo(call.g, da(call), call.a), () => sumTo(call.g, db(call), call.b)];

/** Every op that may lie between a target and a loss: one without a rule does not compile. */
export type DifferentiableOp =
  | "Identity"
  | "Add"
  | "Sub"
  | "Mul"
  | "Div"
  | "Sum"
  | "Neg"
  | "Sqrt"
  | "Reciprocal"
  | "Exp"
  | "Log"
  | "Erf"
  | "Tanh"
  | "Sigmoid"
  | "Softplus"
  | "Relu"
  | "Gelu"
  | "FastGelu"
  | "Cast"
  | "Where"
  | "MatMul"
  | "FusedMatMul"
  | "Softmax"
  | "LogSoftmax"
  | "LayerNormalization"
  | "SimplifiedLayerNormalization"
  | "ReduceSum"
  | "ReduceMean"
  | "Reshape"
  | "Squeeze"
  | "Unsqueeze"
  | "Expand"
  | "Transpose"
  | "Concat"
  | "Split"
  | "Slice"
  | "Gather";

export const RULES: Readonly<Record<DifferentiableOp, Rule>> = {
  // --- elementwise ---

  // y = x                 dx = dy
  Identity: unary(({ dy }) => dy),

  // y = a + b             da = dy                db = dy
  Add: binary(
    ({ dy }) => dy,
    ({ dy }) => dy,
  ),

  // y = a - b             da = dy                db = -dy
  Sub: binary(
    ({ dy }) => dy,
    ({ g, dy }) => Neg(g, dy),
  ),

  // y = a * b             da = dy * b            db = dy * a
  Mul: binary(
    ({ g, b, dy }) => Mul(g, dy, b),
    ({ g, a, dy }) => Mul(g, dy, a),
  ),

  // y = a / b             da = dy / b            db = -dy * y / b
  Div: binary(
    ({ g, b, dy }) => Div(g, dy, b),
    ({ g, b, y, dy }) => Neg(g, Div(g, Mul(g, dy, y), b)),
  ),

  // y = a1 + a2 + ..      dai = dy
  Sum: ({ g, node, dy }) => node.inputs.map((input) => () => sumTo(g, dy, input!)),

  // y = -x                dx = -dy
  Neg: unary(({ g, dy }) => Neg(g, dy)),

  // y = sqrt(x)           dx = dy / (2 y)
  Sqrt: unary(({ g, y, dy }) => Div(g, dy, Add(g, y, y))),

  // y = 1 / x             dx = -dy * y * y
  Reciprocal: unary(({ g, y, dy }) => Neg(g, Mul(g, Mul(g, dy, y), y))),

  // y = exp(x)            dx = dy * y
  Exp: unary(({ g, y, dy }) => Mul(g, dy, y)),

  // y = log(x)            dx = dy / x
  Log: unary(({ g, a, dy }) => Div(g, dy, a)),

  // y = erf(x)            dx = dy * 2/sqrt(pi) * exp(-x*x)
  Erf: unary(({ g, a, dy }) => {
    const bell = Exp(g, Neg(g, Mul(g, a, a)));
    return Mul(g, dy, Mul(g, bell, g.scalar(2 / Math.sqrt(Math.PI))));
  }),

  // y = tanh(x)           dx = dy * (1 - y*y)
  Tanh: unary(({ g, y, dy }) => Mul(g, dy, Sub(g, g.scalar(1), Mul(g, y, y)))),

  // y = sigmoid(x)        dx = dy * y * (1 - y)
  Sigmoid: unary(({ g, y, dy }) => Mul(g, Mul(g, dy, y), Sub(g, g.scalar(1), y))),

  // y = log(1 + exp(x))   dx = dy * sigmoid(x)
  Softplus: unary(({ g, a, dy }) => Mul(g, dy, Sigmoid(g, a))),

  // y = max(x, 0)         dx = dy where x > 0, else 0
  Relu: unary(({ g, a, dy }) => Where(g, g.add("Greater", [a, g.scalar(0)]), dy, g.scalar(0))),

  // y = gelu(x)           dx = dy * gelu'(x); both forms in GRADIENTS.md
  Gelu: unary(({ g, node, a, dy }) =>
    Mul(g, dy, node.attributes["approximate"] === "tanh" ? geluTanhSlope(g, a) : geluSlope(g, a)),
  ),

  // y = gelu(x + b), tanh form     dx = dy * gelu'(x + b)     db = dx summed over the rows
  FastGelu: ({ g, node, a, dy }) => {
    const [, bias] = node.inputs;
    const dx = once(() => Mul(g, dy, geluTanhSlope(g, bias ? Add(g, a, bias) : a)));
    return [dx, ...(bias ? [() => sumTo(g, dx(), bias)] : [])];
  },

  // y = cast(x)           dx = cast back (between floating dtypes; the walk stops at integers)
  Cast: unary(({ g, a, dy }) => Cast(g, dy, a.dtype)),

  // y = c ? a : b         da = c ? dy : 0        db = c ? 0 : dy
  Where: ({ g, node, a: condition, dy }) => [
    null,
    () => sumTo(g, Where(g, condition, dy, g.scalar(0)), inputOf(node, 1)),
    () => sumTo(g, Where(g, condition, g.scalar(0), dy), inputOf(node, 2)),
  ],

  // --- matrix products ---

  // y = a b               da = dy b'             db = a' dy
  MatMul: (call) => matMulRule(call, { transA: false, transB: false, alpha: 1 }),

  // y = alpha A B, with A = a or a', B = b or b' as transA and transB say
  //                       dA = alpha dy B'       dB = alpha A' dy
  FusedMatMul: (call) =>
    matMulRule(call, {
      transA: intAttribute(call.node, "transA", 0) === 1,
      transB: intAttribute(call.node, "transB", 0) === 1,
      alpha: floatAttribute(call.node, "alpha", 1),
    }),

  // --- along an axis ---

  // y = softmax(x)        dx = y * (dy - sum(dy * y))
  Softmax: unary(({ g, node, y, dy }) => {
    const inner = ReduceSum(g, Mul(g, dy, y), { axes: [axisOf(node, y, -1)] });
    return Mul(g, y, Sub(g, dy, inner));
  }),

  // y = x - log(sum(exp(x)))      dx = dy - exp(y) * sum(dy)
  LogSoftmax: unary(({ g, node, y, dy }) => {
    const mass = ReduceSum(g, dy, { axes: [axisOf(node, y, -1)] });
    return Sub(g, dy, Mul(g, Exp(g, y), mass));
  }),

  // xhat = (x - mean(x)) * invStd(x)   y = xhat * gamma + beta     (derived in GRADIENTS.md)
  //     with d = dy * gamma:  dx = invStd * (d - mean(d) - xhat * mean(d * xhat))
  //     dgamma = sum(dy * xhat)        dbeta = sum(dy)
  LayerNormalization: layerNormRule,

  // xhat = x / sqrt(mean(x * x) + epsilon)    y = xhat * gamma     (RMSNorm, derived in GRADIENTS.md)
  //     with d = dy * gamma:  dx = invRms * (d - xhat * mean(d * xhat))     dgamma = sum(dy * xhat)
  SimplifiedLayerNormalization: rmsNormRule,

  // y = sum(x)            dx = dy, spread over the summed axes
  ReduceSum: unary(({ g, node, a, dy }) => spreadLike(g, node, dy, a)),

  // y = mean(x)           dx = dy / n, spread over the n averaged elements
  ReduceMean: unary(({ g, node, a, y, dy }) =>
    spreadLike(g, node, Mul(g, dy, shareOf(g, node, a, y)), a),
  ),

  // --- moving elements ---

  // y = the same elements in another shape     dx = dy in x's shape
  Reshape: unary(({ g, a, dy }) => reshapeLike(g, dy, a)),
  Squeeze: unary(({ g, a, dy }) => reshapeLike(g, dy, a)),
  Unsqueeze: unary(({ g, a, dy }) => reshapeLike(g, dy, a)),

  // y = x broadcast       dx = dy summed over what was repeated
  Expand: unary(({ g, a, dy }) => sumTo(g, dy, a)),

  // y[.. i_perm(k) ..] = x[.. i_k ..]      dx = dy by the inverse permutation
  Transpose: unary(({ g, node, a, dy }) => {
    const { perm } = node.attributes;
    const reversed = a.dims.map((_, i) => a.dims.length - 1 - i);
    return Transpose(g, dy, inverse(Array.isArray(perm) ? (perm as number[]) : reversed));
  }),

  // y = [a1, a2, ..]      dai = its slice of dy
  Concat: ({ g, node, y, dy }) => {
    const axis = axisOf(node, y, 0);
    const parts = node.inputs.map((part) => part!);
    return parts.map((_, i) => () => sliceLike(g, dy, parts, i, axis));
  },

  // [y1, y2, ..] = x      dx = [dy1, dy2, ..]
  Split: ({ g, node, a, dys }) => [
    () => {
      const parts = node.outputs.map((part, i) => dys[i] ?? zerosLike(g, part));
      return Concat(g, parts, axisOf(node, a, 0));
    },
    null,
  ],

  // y = x[start:end]      dx = dy between zeros
  Slice: ({ g, node, a, dy }) => [() => padLike(g, node, dy, a), null, null, null, null],

  // y = x[indices]        dx = zeros, with every dy added where its x was read
  Gather: ({ g, node, a, b, dy }) => [() => scatterLike(g, dy, a, b, axisOf(node, a, 0)), null],
};

/** Emits the gradients of one node's inputs; throws `gradient-missing-rule` for an op without a rule. */
export function applyRule(
  g: Graph,
  node: Node,
  dys: readonly (Value | null)[],
): readonly (Emit | null)[] {
  if (!Object.hasOwn(RULES, node.op)) {
    missingRule(node, `at all; ops that have one: ${Object.keys(RULES).join(", ")}`);
  }
  return RULES[node.op as DifferentiableOp]({
    g,
    node,
    dys,
    get a() {
      return inputOf(node, 0);
    },
    get b() {
      return inputOf(node, 1);
    },
    get y() {
      return node.outputs[0]!;
    },
    get dy() {
      const isFirstOnly = dys.every((dy, i) => (i === 0) === (dy !== null));
      return isFirstOnly ? dys[0]! : missingRule(node, "for outputs other than the first");
    },
  });
}

interface ProductOptions {
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
}

/** Both products' rules: transposes are flags of the fused op, so none is ever materialised. */
function matMulRule(
  { g, a, b, dy }: Call,
  { transA, transB, alpha }: ProductOptions,
): readonly Emit[] {
  const product = (left: Value, right: Value, transLeft: boolean, transRight: boolean): Value =>
    FusedMatMul(g, left, right, { transA: transLeft, transB: transRight, alpha });
  const da = (): Value => (transA ? product(b, dy, transB, true) : product(dy, b, false, !transB));
  const db = (): Value => {
    // A matrix shared by a whole batch: one long product instead of a batch of them and a sum.
    const isShared = b.dims.length === 2 && a.dims.length > 2 && !transA;
    const left = isShared ? toRows(g, a) : a;
    const right = isShared ? toRows(g, dy) : dy;
    return transB ? product(right, left, true, transA) : product(left, right, !transA, false);
  };
  return [() => sumTo(g, da(), a), () => sumTo(g, db(), b)];
}

function layerNormRule({ g, node, a, b: gamma, dy }: Call): readonly (Emit | null)[] {
  const last = a.dims.length - 1;
  if (axisOf(node, a, -1) !== last) missingRule(node, "for axes other than the last");
  const mean = (x: Value): Value => ReduceMean(g, x, { axes: [last] });
  const normalized = once(() => {
    const [, savedMean, savedInvStd] = node.outputs;
    const centred = Sub(g, a, savedMean ?? mean(a));
    const invStd = savedInvStd ?? inverseStd(g, node, mean(Mul(g, centred, centred)));
    return { xhat: Mul(g, centred, invStd), invStd };
  });
  return [
    () => {
      const { xhat, invStd } = normalized();
      const d = Mul(g, dy, gamma);
      const along = Mul(g, xhat, mean(Mul(g, d, xhat)));
      return Mul(g, Sub(g, Sub(g, d, mean(d)), along), invStd);
    },
    () => sumTo(g, Mul(g, dy, normalized().xhat), gamma),
    () => sumTo(g, dy, inputOf(node, 2)),
  ];
}

function rmsNormRule({ g, node, a, b: gamma, dy }: Call): readonly (Emit | null)[] {
  const last = a.dims.length - 1;
  if (axisOf(node, a, -1) !== last) missingRule(node, "for axes other than the last");
  const mean = (x: Value): Value => ReduceMean(g, x, { axes: [last] });
  const normalized = once(() => {
    const invRms = node.outputs[1] ?? inverseStd(g, node, mean(Mul(g, a, a)));
    return { xhat: Mul(g, a, invRms), invRms };
  });
  return [
    () => {
      const { xhat, invRms } = normalized();
      const d = Mul(g, dy, gamma);
      return Mul(g, Sub(g, d, Mul(g, xhat, mean(Mul(g, d, xhat)))), invRms);
    },
    () => sumTo(g, Mul(g, dy, normalized().xhat), gamma),
  ];
}

function inverseStd(g: Graph, node: Node, variance: Value): Value {
  const epsilon = g.scalar(floatAttribute(node, "epsilon", 1e-5));
  return Reciprocal(g, Sqrt(g, Add(g, variance, epsilon)));
}
