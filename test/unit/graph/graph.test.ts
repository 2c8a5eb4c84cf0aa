import { describe, expect, it, test } from "vitest";
import { broadcast, product, quotient, sum } from "../../../src/graph/shapes/dims.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { Attributes, Dim, Value } from "../../../src/graph/graph.ts";
import * as ops from "../../../src/graph/ops.ts";
import { packGraph } from "../../../src/graph/encoding/pack.ts";
import { createNodeSession } from "../../../scripts/node/runtime-node.ts";
import { sizeOf } from "../../../src/core/model/shapes.ts";
import { float32 } from "../../../src/core/model/tensor.ts";
import type { Dtype, Tensor } from "../../../src/core/model/tensor.ts";

describe("dims", () => {
  test.each([
    [["B", "T", 4], "4*B*T"],
    [["T", "B"], "B*T"],
    [["2*B", 3], "6*B"],
    [[2, 3], 6],
    [[], 1],
    [["B", 0], 0],
  ] as [Dim[], Dim][])("multiplies %j to %s", (dims, expected) => {
    expect(product(dims)).toBe(expected);
  });

  test.each([
    ["B*T", "B", "T"],
    ["12*B", 4, "3*B"],
    ["B*T", "H", undefined],
    [7, 2, undefined],
    ["B", "B", 1],
    ["B", 0, undefined],
  ] as [Dim, Dim, Dim | undefined][])("divides %s by %s", (dividend, divisor, expected) => {
    expect(quotient(dividend, divisor)).toBe(expected);
  });

  it("adds numbers and keeps symbols in order", () => {
    expect(sum(["P", "T"])).toBe("P+T");
    expect(sum(["T", 2, 3])).toBe("T+5");
    expect(sum([2, 3])).toBe(5);
  });

  it("broadcasts ones and refuses two different sizes", () => {
    expect(broadcast("Add", ["B", 1, 4], ["T", 1])).toEqual(["B", "T", 4]);
    expect(() => broadcast("Add", [2], [3])).toThrow(/cannot broadcast \[2\] with \[3\]/);
    expect(() => broadcast("Add", ["T"], ["Q"])).toThrow(/Q/);
  });
});

describe("a graph", () => {
  it("refuses a name that is taken, for inputs, constants, nodes and outputs alike", () => {
    const g = new Graph();
    const x = g.input("x", "float32", [2]);
    expect(() => g.input("x", "float32", [2])).toThrow(/"x": the name is already taken/);
    expect(() => g.constant("x", float32([1], new Float32Array(1)))).toThrow(/taken/);
    expect(() => g.add("Neg", [x], {}, { name: "x" })).toThrow(/taken/);
    g.output(ops.Neg(g, x), "y");
    expect(() => g.output(x, "y")).toThrow(/"y" is declared twice/);
    expect(() => g.input("", "float32", [])).toThrow(/empty/);
  });

  it("refuses a constant whose data does not fill its dims", () => {
    const tensor = { dtype: "float32", dims: [3], data: new Float32Array(2) } as const;
    expect(() => new Graph().constant("c", tensor)).toThrow(/has 2 elements, needs 3/);
  });

  it("names an op without a rule and lists those it knows", () => {
    const g = new Graph();
    const x = g.input("x", "float32", [2]);
    expect(() => g.add("Sotfmax", [x])).toThrow(/op "Sotfmax": has no inference rule.*Softmax/);
    expect(() => g.add("constructor", [x])).toThrow(/no inference rule/);
  });

  it("shares equal scalars and integer lists", () => {
    const g = new Graph();
    expect(g.scalar(0.5)).toBe(g.scalar(0.5));
    expect(g.ints(0, -1)).toBe(g.ints(0, -1));
    expect(g.ints(1)).not.toBe(g.ints(1, 1));
  });

  it("renames an output through an Identity, also when a constant or input is the output", () => {
    const g = new Graph();
    g.output(g.input("x", "float32", [2]), "copy");
    expect(g.nodes.map(({ op }) => op)).toEqual(["Identity"]);
    expect(g.outputs[0]!.name).toBe("copy");
  });

  test.each<[string, string, (g: Graph, x: Value) => unknown]>([
    ["MatMul", "inner dimensions differ", (g, x) => ops.MatMul(g, x, x)],
    ["Add", "cannot broadcast", (g, x) => ops.Add(g, x, g.input("y", "float32", [5]))],
    ["Add", "share one dtype", (g, x) => ops.Add(g, x, g.input("y", "int64", [4]))],
    ["Reshape", "cannot become", (g) => ops.Reshape(g, g.input("y", "float32", [2, 3]), [4, 2])],
    ["Reshape", "cannot tell", (g, x) => ops.Reshape(g, x, [-1, 7])],
    ["Reshape", "state the dims", (g, x) => g.add("Reshape", [x, g.input("s", "int64", [2])])],
    ["Transpose", "does not fit rank", (g, x) => ops.Transpose(g, x, [0])],
    ["Squeeze", "expected 1", (g, x) => ops.Squeeze(g, x, 1)],
    ["Concat", "must be equal", (g, x) => ops.Concat(g, [x, g.input("y", "float32", ["B", 5])], 0)],
    ["Softmax of nothing", "input 0 is missing", (g) => g.add("Softmax", [null])],
    ["Reduce", "outside rank", (g, x) => ops.ReduceSum(g, x, { axes: [2] })],
    ["Cast", "no known dtype", (g, x) => g.add("Cast", [x], { to: 99 })],
    ["Where", "must be bool", (g, x) => ops.Where(g, x, x, x)],
    [
      "Split",
      "were requested",
      (g, x) => g.addAll("Split", [x, g.ints(4)], { axis: 1 }, { outputs: 2 }),
    ],
    ["Stated dims", "were stated", (g, x) => g.add("Neg", [x], {}, { dims: ["B", 5] })],
  ])("refuses %s where it cannot be: %s", (_, message, build) => {
    const g = new Graph();
    const x = g.input("x", "float32", ["B", 4]);
    expect(() => build(g, x)).toThrow(message);
  });
});

/** Inference is right when ONNX Runtime computes a tensor of exactly that shape and dtype. */
describe("shape inference agrees with ONNX Runtime for", () => {
  type Case = [string, number[][], (g: Graph, ...xs: Value[]) => Value | Value[]];
  const attributes = (op: string, given: Attributes) => (g: Graph, x: Value) =>
    g.add(op, [x], given);
  const cases: Case[] = [
    [
      "Add with broadcasting",
      [
        [2, 1, 4],
        [3, 1],
      ],
      ops.Add,
    ],
    [
      "MatMul with batch dims",
      [
        [2, 1, 3, 4],
        [5, 4, 6],
      ],
      ops.MatMul,
    ],
    [
      "FusedMatMul, both transposed",
      [
        [2, 4, 3],
        [2, 5, 4],
      ],
      (g, a, b) => ops.FusedMatMul(g, a, b, { transA: true, transB: true }),
    ],
    ["Reshape with 0 and -1", [[2, 3, 4]], (g, x) => ops.Reshape(g, x, [0, -1])],
    ["Transpose", [[2, 3, 4]], (g, x) => ops.Transpose(g, x, [2, 0, 1])],
    ["Transpose by default", [[2, 3, 4]], attributes("Transpose", {})],
    [
      "Concat",
      [
        [2, 3],
        [2, 5],
      ],
      (g, a, b) => ops.Concat(g, [a, b], -1),
    ],
    [
      "Split",
      [[2, 6]],
      (g, x) => g.addAll("Split", [x, g.ints(2, 4)], { axis: 1 }, { outputs: 2 }),
    ],
    [
      "Split in equal parts",
      [[6, 2]],
      (g, x) => g.addAll("Split", [x], { axis: 0, num_outputs: 3 }, { outputs: 3 }),
    ],
    [
      "Slice with negative ends",
      [[5, 6]],
      (g, x) => g.add("Slice", [x, g.ints(1, -4), g.ints(-1, 2 ** 40), g.ints(0, 1)]),
    ],
    [
      "Slice with steps",
      [[7]],
      (g, x) => g.add("Slice", [x, g.ints(0), g.ints(7), g.ints(0), g.ints(3)]),
    ],
    [
      "Slice backwards",
      [[7]],
      (g, x) => g.add("Slice", [x, g.ints(-1), g.ints(-(2 ** 40)), g.ints(0), g.ints(-2)]),
    ],
    ["Gather along an inner axis", [[2, 5, 3]], (g, x) => ops.Gather(g, x, g.ints(4, 0), 1)],
    ["Squeeze", [[2, 1, 3, 1]], (g, x) => ops.Squeeze(g, x, 1, -1)],
    ["Unsqueeze", [[2, 3]], (g, x) => ops.Unsqueeze(g, x, 0, -1)],
    ["Expand", [[2, 1]], (g, x) => ops.Expand(g, x, g.ints(3, 1, 4), [3, 2, 4])],
    ["Pad", [[2, 3]], (g, x) => g.add("Pad", [x, g.ints(1, 0, 0, 2)])],
    ["ReduceSum that keeps dims", [[2, 3, 4]], (g, x) => ops.ReduceSum(g, x, { axes: [0, -1] })],
    [
      "ReduceMean that drops dims",
      [[2, 3, 4]],
      (g, x) => ops.ReduceMean(g, x, { axes: [1], keepdims: false }),
    ],
    ["ReduceMax over everything", [[2, 3]], attributes("ReduceMax", { keepdims: 0 })],
    ["Shape of a range", [[2, 3, 4]], (g, x) => ops.Shape(g, x, 1, 3)],
    ["Cast", [[2, 3]], (g, x) => ops.Cast(g, x, "int64")],
    ["Equal", [[2, 3], [3]], ops.Equal],
    ["Where", [[2, 3], [3]], (g, a, b) => ops.Where(g, ops.Equal(g, a, b), a, b)],
    [
      "LayerNormalization with statistics",
      [[2, 3, 4], [4], [4]],
      (g, x, a, b) => g.addAll("LayerNormalization", [x, a, b], {}, { outputs: 3 }),
    ],
    [
      "SkipLayerNormalization",
      [[2, 3, 4], [4]],
      (g, x, a) => g.add("SkipLayerNormalization", [x, x, a], { epsilon: 1e-12 }),
    ],
    ["Softmax", [[2, 3]], (g, x) => ops.Softmax(g, x, { axis: 0 })],
    [
      "DynamicQuantizeLinear",
      [[2, 3]],
      (g, x) => g.addAll("DynamicQuantizeLinear", [x], {}, { outputs: 3 }),
    ],
    ["QuantizeLinear", [[2, 3]], (g, x) => g.add("QuantizeLinear", [x, g.scalar(0.1)])],
    ["SimplifiedLayerNormalization", [[2, 3], [3]], (g, x, y) => ops.rmsNorm(g, x, y, 1e-5)],
    ["Gelu", [[2, 3]], (g, x) => ops.ACTIVATIONS.gelu_new(g, x)],
    ["FastGelu with a bias", [[2, 3], [3]], (g, x, b) => g.add("FastGelu", [x, b])],
    [
      "ConstantOfShape",
      [[2, 3]],
      (g, x) => g.add("ConstantOfShape", [ops.Shape(g, x, 0, 2)], {}, { dims: [2, 3] }),
    ],
    [
      "MultiHeadAttention with a past",
      [
        [2, 3, 8],
        [2, 5, 8],
        [2, 4, 6, 2],
      ],
      (g, q, k, past) =>
        g.addAll(
          "MultiHeadAttention",
          [q, k, k, null, null, null, past, past],
          { num_heads: 4 },
          { outputs: 3 },
        ),
    ],
  ];

  test.each(cases)("%s", async (_, shapes, build) => {
    const g = new Graph();
    const inputs = shapes.map((dims, i) => g.input(`x${i}`, "float32", dims));
    const values = [build(g, ...inputs)].flat();
    values.forEach((value) => g.output(value));
    const session = await createNodeSession(packGraph(g), { threads: 1 });
    const feeds = Object.fromEntries(
      shapes.map((dims, i) => [
        `x${i}`,
        float32(
          dims,
          Float32Array.from({ length: sizeOf(dims) }, (_, k) => (k % 7) / 7),
        ),
      ]),
    );
    const outputs = await session.run(feeds);
    await session.release();
    const shape = ({ dims, dtype }: { dims: readonly Dim[]; dtype: Dtype }) => ({ dims, dtype });
    expect(values.map(({ name }) => shape(outputs[name] as Tensor))).toEqual(
      values.map((value) => shape(value)),
    );
  });
});
