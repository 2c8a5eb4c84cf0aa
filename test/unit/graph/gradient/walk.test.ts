/** The reverse walk: what it visits, what it adds up, how it fails. */
import { describe, expect, test } from "vitest";
import { gradients } from "../../../../src/graph/gradient/walk.ts";
import { Graph } from "../../../../src/graph/graph.ts";
import type { Value } from "../../../../src/graph/graph.ts";
import * as ops from "../../../../src/graph/ops.ts";
import { float32 } from "../../../../src/core/model/tensor.ts";
import { evaluate } from "../../../support/reference.ts";
import { array } from "../../../support/arrays64.ts";

const total = (g: Graph, x: Value): Value => g.add("ReduceSum", [x], { keepdims: 0 });
const opsOf = (g: Graph, from = 0): string[] => g.nodes.slice(from).map(({ op }) => op);
const errorCode = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
  return "no error";
};

describe("gradients", () => {
  test("adds up the uses of a value that is used several times", () => {
    const g = new Graph();
    const x = g.input("x", "float32", [2]);
    // y = x*x + x + x, so dy/dx = 2x + 2.
    const y = ops.Add(g, ops.Add(g, ops.Mul(g, x, x), x), x);
    const grad = gradients(g, total(g, y), [x]).get(x)!;
    const values = evaluate(g, { x: array([2], [3, -1]) });
    expect([...values.get(grad.name)!.data]).toEqual([8, 0]);
  });

  test("emits nothing for frozen weights and nothing below the first use of a target", () => {
    const g = new Graph();
    const x = g.input("x", "float32", [4, 3]);
    const weight = (name: string): Value => g.constant(name, float32([3, 3], new Float32Array(9)));
    const below = ops.Tanh(g, ops.MatMul(g, x, weight("w0")));
    const target = g.input("target", "float32", [3]);
    const above = ops.MatMul(g, ops.Add(g, below, target), weight("w1"));
    const loss = total(g, above);
    const forward = g.nodes.length;
    gradients(g, loss, [target]);
    // The loss's spread in two nodes, one product for the frozen w1, the sum over the broadcast rows; no more.
    expect(opsOf(g, forward)).toEqual(["Unsqueeze", "Expand", "FusedMatMul", "ReduceSum"]);
  });

  test("stops at integers: shapes and indices carry no gradient", () => {
    const g = new Graph();
    const x = g.input("x", "float32", ["B", 3]);
    const ones = g.add("Expand", [g.scalar(1), ops.Shape(g, x, 0, 2)], {}, { dims: ["B", 3] });
    const grad = gradients(g, total(g, ops.Mul(g, x, ones)), [x]).get(x)!;
    const values = evaluate(g, { x: array([2, 3], [1, 2, 3, 4, 5, 6]) });
    expect([...values.get(grad.name)!.data]).toEqual([1, 1, 1, 1, 1, 1]);
  });

  test("gives several targets their own gradients, one of them in the middle of the graph", () => {
    const g = new Graph();
    const [a, b] = [g.input("a", "float32", [2]), g.input("b", "float32", [2])];
    const middle = ops.Mul(g, a, b);
    const loss = total(g, ops.Mul(g, middle, middle));
    const grads = gradients(g, loss, [a, middle]);
    const values = evaluate(g, { a: array([2], [2, 3]), b: array([2], [5, 7]) });
    const read = (x: Value): number[] => [...values.get(grads.get(x)!.name)!.data];
    expect(read(middle)).toEqual([20, 42]); // 2ab
    expect(read(a)).toEqual([100, 294]); // 2ab * b
  });

  test("takes a stated gradient instead of walking the nodes that compute a value", () => {
    const g = new Graph();
    const [x, bias] = [g.input("x", "float32", [2]), g.input("bias", "float32", [2])];
    // Rounding has no rule, and the bias is scaled before it is added: neither matters.
    const y = g.stateGradient(
      ops.Add(g, g.add("Floor", [x]), ops.Mul(g, bias, g.scalar(3))),
      [x, bias],
      (dy) => [() => dy, () => ops.Mul(g, dy, g.scalar(3))],
    );
    const loss = total(g, ops.Mul(g, y, y));
    const forward = g.nodes.length;
    const grads = gradients(g, loss, [x, bias]);
    expect(opsOf(g, forward)).not.toContain("Floor");
    const values = evaluate(g, { x: array([2], [2.5, -1]), bias: array([2], [1, 0]) });
    const read = (value: Value): number[] => [...values.get(grads.get(value)!.name)!.data];
    expect(read(x)).toEqual([10, -2]); // 2y, y = floor(x) + 3 bias = [5, -1]
    expect(read(bias)).toEqual([30, -6]); // 6y
  });

  test("emits of a stated gradient only what leads to a target", () => {
    const g = new Graph();
    const [x, frozen] = [g.input("x", "float32", [2]), g.input("frozen", "float32", [2])];
    const y = g.stateGradient(ops.Mul(g, x, frozen), [x, frozen], (dy) => [
      () => ops.Mul(g, dy, frozen),
      () => expect.fail("no caller asked for the gradient of the frozen input"),
    ]);
    gradients(g, total(g, y), [x]);
  });

  test("names the op that has no rule", () => {
    const g = new Graph();
    const x = g.input("x", "float32", [2]);
    const loss = total(g, g.add("Floor", [x]));
    expect(() => gradients(g, loss, [x])).toThrow(/Floor "Floor_\d+": has no gradient rule/);
    expect(errorCode(() => gradients(g, loss, [x]))).toBe("gradient-missing-rule");
  });

  test("names the form of an op that its rule does not cover", () => {
    const g = new Graph();
    const x = g.input("x", "float32", [6]);
    const every2nd = g.add("Slice", [x, g.ints(0), g.ints(6), g.ints(0), g.ints(2)]);
    expect(() => gradients(g, total(g, every2nd), [x])).toThrow(/Slice .* for steps other than 1/);
  });

  test("refuses a loss that uses an output which the rule leaves aside", () => {
    const g = new Graph();
    const [x, gamma] = [g.input("x", "float32", [2, 3]), g.input("gamma", "float32", [3])];
    const [y, mean] = g.addAll("LayerNormalization", [x, gamma], {}, { outputs: 2 });
    const loss = total(g, ops.Mul(g, y!, mean!));
    expect(() => gradients(g, loss, [x])).toThrow(/for outputs other than the first/);
  });

  test("refuses a target that the loss does not depend on", () => {
    const g = new Graph();
    const [x, idle] = [g.input("x", "float32", [2]), g.input("idle", "float32", [2])];
    const loss = total(g, x);
    expect(errorCode(() => gradients(g, loss, [x, idle]))).toBe("gradient-no-path");
  });

  test("refuses a loss that is no scalar", () => {
    const g = new Graph();
    const x = g.input("x", "float32", [2]);
    expect(errorCode(() => gradients(g, ops.Tanh(g, x), [x]))).toBe("gradient-loss-shape");
  });

  test("refuses to guess whether one symbol was broadcast to another", () => {
    const g = new Graph();
    const x = g.input("x", "float32", ["B", 2]);
    const stated = g.add("Expand", [x, g.input("shape", "int64", [2])], {}, { dims: ["M", 2] });
    const loss = total(g, stated);
    expect(errorCode(() => gradients(g, loss, [x]))).toBe("gradient-shape-mismatch");
  });
});
