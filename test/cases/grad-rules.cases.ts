/**
 * One table of small graphs for every gradient rule, with the means to run them: each case becomes
 * the loss sum(y * w) for random w, and its gradients by every input.
 */
import { gradients } from "../../src/graph/gradient/walk.ts";
import type { DifferentiableOp } from "../../src/graph/gradient/rules.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Dim, Value } from "../../src/graph/graph.ts";
import { keyOf, uniforms } from "../../src/learn/random.ts";
import { sizeOf } from "../../src/core/model/shapes.ts";
import { int64 } from "../../src/core/model/tensor.ts";
import { evaluate } from "../support/reference.ts";
import { array } from "../support/arrays64.ts";
import type { Array64 } from "../support/arrays64.ts";

/** An input to differentiate by: its dims when run, and how the graph declares them. */
export interface Input {
  readonly dims: readonly number[];
  readonly declared?: readonly Dim[];
  /** Keeps values away from where the op is not differentiable. */
  readonly from?: (uniform: number) => number;
}

export interface Case {
  readonly name: string;
  readonly inputs: readonly Input[];
  readonly build: (g: Graph, x: Value[]) => Value;
}

const of = (...dims: number[]): Input => ({ dims });
const positive = (...dims: number[]): Input => ({ dims, from: (u) => 0.5 + 1.5 * u });
const nonZero = (...dims: number[]): Input => ({
  dims,
  from: (u) => (u < 0.5 ? -1 : 1) * (0.3 + u),
});
const symbolic = (declared: readonly Dim[], ...dims: number[]): Input => ({ dims, declared });

/** A case whose graph is one node. */
const one = (
  op: string,
  name: string,
  inputs: readonly Input[],
  attributes: Parameters<Graph["add"]>[2] = {},
  options: Parameters<Graph["add"]>[3] = {},
): Case => ({ name, inputs, build: (g, x) => g.add(op, x, attributes, options) });

const elementwise = (op: string, ...inputs: Input[]): Case[] => [
  one(op, "of equal shapes", inputs),
  one(op, "broadcast on the left and over ones", [
    { ...inputs[0]!, dims: [3, 1, 4] },
    { ...inputs[1]!, dims: [2, 1] },
  ]),
  one(op, "of a scalar", [inputs[0]!, { ...inputs[1]!, dims: [] }]),
  one(op, "broadcast while B and T are symbols", [
    { ...inputs[0]!, dims: [2, 3, 4], declared: ["B", "T", 4] },
    { ...inputs[1]!, dims: [2, 1, 4], declared: ["B", 1, 4] },
  ]),
];

const unary = (op: string, input: Input = of(2, 3)): Case[] => [one(op, "of x", [input])];

const reduction = (op: string): Case[] => [
  {
    name: "over the last axis, kept",
    inputs: [of(2, 3, 4)],
    build: (g, [x]) => g.add(op, [x!, g.ints(-1)], { keepdims: 1 }),
  },
  {
    name: "over two axes, dropped",
    inputs: [of(2, 3, 4)],
    build: (g, [x]) => g.add(op, [x!, g.ints(0, 2)], { keepdims: 0 }),
  },
  {
    name: "over everything",
    inputs: [of(2, 3)],
    build: (g, [x]) => g.add(op, [x!], { keepdims: 0 }),
  },
  {
    name: "over a symbolic axis",
    inputs: [symbolic(["B", "T", 4], 2, 3, 4)],
    build: (g, [x]) => g.add(op, [x!, g.ints(1)], { keepdims: 0 }),
  },
];

const fused = (
  name: string,
  a: Input,
  b: Input,
  transA: number,
  transB: number,
  alpha = 0.7,
): Case => one("FusedMatMul", name, [a, b], { transA, transB, alpha });

export const CASES: Record<DifferentiableOp, Case[]> = {
  Identity: unary("Identity"),
  Add: elementwise("Add", of(2, 3), of(2, 3)),
  Sub: elementwise("Sub", of(2, 3), of(2, 3)),
  Mul: elementwise("Mul", of(2, 3), of(2, 3)),
  Div: elementwise("Div", of(2, 3), positive(2, 3)),
  Sum: [one("Sum", "of three, one of them broadcast", [of(2, 3), of(3), of(2, 3)])],
  Neg: unary("Neg"),
  Sqrt: unary("Sqrt", positive(2, 3)),
  Reciprocal: unary("Reciprocal", positive(2, 3)),
  Exp: unary("Exp"),
  Log: unary("Log", positive(2, 3)),
  Erf: unary("Erf"),
  Tanh: unary("Tanh"),
  Sigmoid: unary("Sigmoid"),
  Softplus: unary("Softplus"),
  Relu: unary("Relu", nonZero(3, 4)),
  Gelu: [
    one("Gelu", "by erf", [of(3, 4)], { approximate: "none" }),
    one("Gelu", "by tanh", [of(3, 4)], { approximate: "tanh" }),
  ],
  FastGelu: [
    one("FastGelu", "of x", [of(3, 4)]),
    one("FastGelu", "of x and a bias", [of(3, 4), of(4)]),
  ],
  Cast: [one("Cast", "between floats", [of(2, 3)], { to: 11 })],
  Where: [
    {
      name: "with both branches, one of them broadcast",
      inputs: [of(2, 3), of(3)],
      build: (g, [a, b]) => {
        const mask = { dtype: "bool", dims: [2, 1], data: Uint8Array.of(1, 0) } as const;
        return g.add("Where", [g.constant("mask", mask), a!, b!]);
      },
    },
  ],
  MatMul: [
    one("MatMul", "of matrices", [of(2, 3), of(3, 4)]),
    one("MatMul", "of batches", [of(2, 2, 2, 3), of(2, 2, 3, 4)]),
    one("MatMul", "of a batch and one shared matrix", [symbolic(["B", "T", 3], 2, 5, 3), of(3, 4)]),
    one("MatMul", "of batches broadcast against each other", [of(2, 1, 2, 3), of(3, 3, 4)]),
  ],
  FusedMatMul: [
    fused("scaled", of(2, 3), of(3, 4), 0, 0),
    fused("with its right side transposed", of(2, 2, 3), of(2, 4, 3), 0, 1),
    fused("with its left side transposed", of(2, 3, 2), of(2, 3, 4), 1, 0),
    fused("with both sides transposed", of(3, 2), of(4, 3), 1, 1),
    fused("of a batch and one shared transposed matrix", of(2, 5, 3), of(4, 3), 0, 1),
  ],
  Softmax: [
    one("Softmax", "along the last axis", [of(2, 3, 4)], { axis: -1 }),
    one("Softmax", "along a middle axis", [of(2, 3, 4)], { axis: 1 }),
  ],
  LogSoftmax: [one("LogSoftmax", "along the last axis", [of(2, 3, 4)], { axis: -1 })],
  LayerNormalization: [
    one("LayerNormalization", "of one output", [of(2, 3, 5), of(5), of(5)], { epsilon: 1e-3 }),
    one(
      "LayerNormalization",
      "that also returns mean and inverse deviation",
      [symbolic(["B", "T", 5], 2, 3, 5), of(5), of(5)],
      { epsilon: 1e-3 },
      { outputs: 3 },
    ),
    one("LayerNormalization", "without beta", [of(4, 5), of(5)], { epsilon: 1e-3 }),
  ],
  SimplifiedLayerNormalization: [
    one("SimplifiedLayerNormalization", "of one output", [of(2, 3, 5), of(5)], {
      axis: -1,
      epsilon: 1e-3,
    }),
    one(
      "SimplifiedLayerNormalization",
      "that also returns the inverse root mean square",
      [symbolic(["B", "T", 5], 2, 3, 5), of(5)],
      { axis: -1, epsilon: 1e-3 },
      { outputs: 2 },
    ),
  ],
  ReduceSum: reduction("ReduceSum"),
  ReduceMean: reduction("ReduceMean"),
  Reshape: [
    {
      name: "to and from a product of symbols",
      inputs: [symbolic(["B", "T", 6], 2, 3, 6)],
      build: (g, [x]) => g.add("Reshape", [x!, g.ints(-1, 2, 3)]),
    },
    {
      name: "of fixed dimensions",
      inputs: [of(2, 6)],
      build: (g, [x]) => g.add("Reshape", [x!, g.ints(3, 4)]),
    },
  ],
  Squeeze: [
    {
      name: "of two axes",
      inputs: [of(1, 3, 1, 2)],
      build: (g, [x]) => g.add("Squeeze", [x!, g.ints(0, 2)]),
    },
  ],
  Unsqueeze: [
    {
      name: "at both ends",
      inputs: [symbolic(["B", 3], 2, 3)],
      build: (g, [x]) => g.add("Unsqueeze", [x!, g.ints(0, -1)]),
    },
  ],
  Expand: [
    {
      name: "over a new and an old axis",
      inputs: [of(1, 3)],
      build: (g, [x]) => g.add("Expand", [x!, g.ints(4, 2, 3)]),
    },
  ],
  Transpose: [
    one("Transpose", "by a permutation", [of(2, 3, 4)], { perm: [2, 0, 1] }),
    one("Transpose", "by default", [of(2, 3)]),
  ],
  Concat: [
    one("Concat", "of fixed lengths", [of(2, 3), of(2, 1), of(2, 2)], { axis: 1 }),
    one(
      "Concat",
      "of symbolic lengths",
      [
        symbolic(["B", "P", 2], 2, 3, 2),
        symbolic(["B", "T", 2], 2, 4, 2),
        symbolic(["B", "T", 2], 2, 4, 2),
      ],
      { axis: 1 },
    ),
  ],
  Split: [
    {
      name: "of which one part is unused",
      inputs: [of(2, 6)],
      build: (g, [x]) => {
        const [a, , c] = g.addAll("Split", [x!, g.ints(1, 2, 3)], { axis: 1 }, { outputs: 3 });
        return g.add("Mul", [a!, c!]);
      },
    },
  ],
  Slice: [
    {
      name: "of a fixed axis",
      inputs: [of(2, 6)],
      build: (g, [x]) => g.add("Slice", [x!, g.ints(1), g.ints(4), g.ints(1)]),
    },
    {
      name: "counted from the end",
      inputs: [of(5, 2)],
      build: (g, [x]) => g.add("Slice", [x!, g.ints(-3), g.ints(-1), g.ints(0)]),
    },
    {
      name: "of a symbolic axis",
      inputs: [symbolic(["B", "T", 2], 2, 4, 2)],
      build: (g, [x]) =>
        g.add("Slice", [x!, g.ints(0), g.ints(3), g.ints(1)], {}, { dims: ["B", "Q", 2] }),
    },
  ],
  Gather: [
    {
      name: "of rows, one of them twice",
      inputs: [of(4, 3)],
      build: (g, [x]) => g.add("Gather", [x!, g.constant("i", int64([2, 2], [0, 3, 3, 1]))]),
    },
    {
      name: "along the last axis, counted from the end",
      inputs: [of(2, 3, 4)],
      build: (g, [x]) => g.add("Gather", [x!, g.ints(-1, 0, -1)], { axis: 2 }),
    },
    {
      name: "of one position of a symbolic axis",
      inputs: [symbolic(["B", "T", 2], 2, 4, 2)],
      build: (g, [x]) => g.add("Gather", [x!, g.constant("i", int64([], [0]))], { axis: 1 }),
    },
  ],
};

/** [op, case name, case] for test.each. */
export const CASE_TABLE = Object.entries(CASES).flatMap(([op, cases]) =>
  cases.map((each) => [op, each.name, each] as const),
);

/** The case's graph with the loss sum(y * w) for random w, its gradients, and random feeds. */
export function prepare({ inputs, build }: Case): {
  graph: Graph;
  loss: Value;
  feeds: Record<string, Array64>;
  grads: Map<string, string>;
} {
  const random = uniforms(keyOf(20));
  const graph = new Graph();
  const xs = inputs.map(({ dims, declared }, i) =>
    graph.input(`x${i}`, "float32", declared ?? dims),
  );
  const feeds: Record<string, Array64> = {};
  for (const [i, { dims, from = (u: number) => 3 * u - 1.5 }] of inputs.entries()) {
    feeds[`x${i}`] = array(
      dims,
      Array.from({ length: sizeOf(dims) }, () => from(random())),
    );
  }
  let y = build(graph, xs);
  if (y.dtype !== "float32") y = graph.add("Cast", [y], { to: 1 });
  const shape = evaluate(graph, feeds).get(y.name)!.dims;
  // Declared as an input of y's own dims, so that symbols meet themselves and not numbers.
  const weights = graph.input("w", "float32", y.dims);
  feeds["w"] = array(
    shape,
    Array.from({ length: sizeOf(shape) }, () => random() - 0.5),
  );
  const loss = graph.add("ReduceSum", [graph.add("Mul", [y, weights])], { keepdims: 0 });
  const grads = gradients(graph, loss, xs);
  return {
    graph,
    loss,
    feeds,
    grads: new Map([...grads].map(([target, grad]) => [target.name, grad.name])),
  };
}

/** Largest absolute difference; infinite when the lengths differ. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  return Array.from(a).reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0);
}
