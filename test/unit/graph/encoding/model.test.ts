/** The bytes of ONNX models: what each kind of field becomes, and that a reader finds it again. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { decodeModel } from "../../../support/onnx-decoder.ts";
import { Graph } from "../../../../src/graph/graph.ts";
import * as ops from "../../../../src/graph/ops.ts";
import { encodeModel } from "../../../../src/graph/encoding/model.ts";
import { int, join } from "../../../../src/graph/encoding/wire.ts";
import { float32 } from "../../../../src/core/model/tensor.ts";

/** y = x + a + b, with a and b of `size` floats each. */
function sumGraph(size: number): Graph {
  const g = new Graph();
  const x = g.input("x", "float32", ["B", size]);
  const a = g.constant("a", float32([size], new Float32Array(size).fill(1)));
  const b = g.constant("b", float32([size], new Float32Array(size).fill(2)));
  g.output(ops.Add(g, ops.Add(g, x, a), b), "y");
  return g;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("a varint", () => {
  // Expected bytes: protobuf.dev/programming-guides/encoding (150 and -2 are its own examples).
  it.each([
    [0, "00"],
    [127, "7f"],
    [128, "8001"],
    [150, "9601"],
    [-1, "ffffffffffffffffff01"],
    [-2, "feffffffffffffffff01"],
    [2 ** 31, "8080808008"],
    [Number.MAX_SAFE_INTEGER, "ffffffffffffff0f"],
  ])("of %d is %s", (value, expected) => {
    expect(hex(join([int(1, value)]))).toBe(`08${expected}`);
  });

  it("takes field numbers above 15 in two bytes", () => {
    expect(hex(join([int(20, 1)]))).toBe("a00101");
  });
});

describe("the encoded model", () => {
  it("has the bytes that protobufjs wrote for the same graph", () => {
    const g = new Graph();
    const x = g.input("x", "float32", ["B", 2]);
    const attributes = { floats: { floats: [1, 2] }, ints: [1, -1, 300], int: -1, none: [] };
    const y = g.add("Neg", [x], {
      ...attributes,
      text: "é",
      tensor: float32([], Float32Array.of(1.5)),
    });
    g.output(g.add("FastGelu", [y, null]), "y");
    g.ints(1, 2);
    g.constant("far", float32([1, 3], Float32Array.of(1, 2, 3)));
    const place = { location: "weights-0.safetensors", offset: 4096, length: 12 };
    const bytes = encodeModel(g, { external: new Map([["far", place]]) });
    // Made with protobufjs 8.8.1 from the messages of onnx.proto3 (IR version 10).
    const expected = "454383313ebaadc6059a1a79b48d78b1b2940f880362b422887f84845229009b";
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(expected);
  });

  it("refuses a number that is no integer where ONNX wants one", () => {
    const g = new Graph();
    g.output(g.add("Neg", [g.input("x", "float32", [2])], { axis: 0.5 }), "y");
    expect(() => encodeModel(g)).toThrow(/Neg: attribute "axis" is 0.5, expected an integer/);
  });

  it("names its opsets, contrib ops only where they are used", () => {
    const imports = (g: Graph) => decodeModel(encodeModel(g))["opset_import"];
    expect(imports(sumGraph(2))).toEqual([{ domain: "", version: 21 }]);
    const g = new Graph();
    g.output(g.add("FastGelu", [g.input("x", "float32", [2])]), "y");
    expect(imports(g)).toContainEqual({ domain: "com.microsoft", version: 1 });
  });

  it("writes symbolic dims, typed attributes and inner absent inputs", () => {
    const g = new Graph();
    const x = g.input("x", "float32", ["B", 4]);
    const y = g.add("LayerNormalization", [x, g.scalar(1)], { axis: -1, epsilon: 1e-5 });
    g.add("Clip", [x, null, g.scalar(6)]);
    g.add("Gelu", [x], { approximate: "tanh" });
    g.add("FusedMatMul", [x, x], { alpha: 2, transB: 1 }, { dims: ["B", "B"] });
    g.add("Neg", [x], { a: { float: 1 }, b: { floats: [1] } });
    g.output(y, "y");
    const { graph } = decodeModel(encodeModel(g)) as {
      graph: {
        input: unknown[];
        node: { op_type: string; input: string[]; attribute: Record<string, unknown>[] }[];
      };
    };
    expect(graph.input[0]).toMatchObject({
      name: "x",
      type: {
        tensor_type: { elem_type: 1, shape: { dim: [{ dim_param: "B" }, { dim_value: 4 }] } },
      },
    });
    const [norm, clip, gelu, fused, reduce] = graph.node;
    expect(norm!.attribute).toMatchObject([
      { name: "axis", i: -1, type: 2 },
      { name: "epsilon", f: Math.fround(1e-5), type: 1 },
    ]);
    expect(clip!.input).toEqual(["x", "", "f32_6"]);
    expect(Buffer.from(gelu!.attribute[0]!["s"] as Uint8Array).toString()).toBe("tanh");
    expect(fused!.attribute).toMatchObject([
      { name: "alpha", f: 2, type: 1 },
      { name: "transB", i: 1, type: 2 },
    ]);
    expect(reduce!.attribute).toMatchObject([
      { name: "a", f: 1, type: 1 },
      { name: "b", floats: [1], type: 6 },
    ]);
  });
});
