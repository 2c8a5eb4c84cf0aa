import { describe, expect, it } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import * as ops from "../../../src/graph/ops.ts";
import { packGraph } from "../../../src/graph/encoding/pack.ts";
import { decodeModel, encodeModel } from "../../../src/graph/encoding/proto.ts";
import { createNodeSession } from "../../../scripts/node/runtime-node.ts";
import { readSafetensors } from "../../../src/core/format/safetensors.ts";
import { float32 } from "../../../src/core/model/tensor.ts";

/** y = x + a + b, with a and b of `size` floats each. */
function sumGraph(size: number): Graph {
  const g = new Graph();
  const x = g.input("x", "float32", ["B", size]);
  const a = g.constant("a", float32([size], new Float32Array(size).fill(1)));
  const b = g.constant("b", float32([size], new Float32Array(size).fill(2)));
  g.output(ops.Add(g, ops.Add(g, x, a), b), "y");
  return g;
}

const ROOM = 64 * 1024; // what a shard keeps free for its header

describe("packing a graph", () => {
  it("keeps small constants inside and moves large ones to a safetensors shard", async () => {
    const small = packGraph(sumGraph(8));
    expect(small.weights.size).toBe(0);
    const large = packGraph(sumGraph(1000));
    expect([...large.weights.keys()]).toEqual(["weights-0.safetensors"]);
    const { tensors } = readSafetensors(large.weights.get("weights-0.safetensors")!);
    expect(tensors.get("b")!.data).toEqual(new Float32Array(1000).fill(2));
    expect(large.graph.byteLength).toBeLessThan(1000);
  });

  it("deals constants out to shards below the bound, and the runtime reads them all", async () => {
    const files = packGraph(sumGraph(1000), { maxShardBytes: ROOM + 4001 });
    expect([...files.weights.keys()]).toEqual(["weights-0.safetensors", "weights-1.safetensors"]);
    const session = await createNodeSession(files);
    const x = float32([2, 1000], new Float32Array(2000));
    expect((await session.run({ x }))["y"]!.data).toEqual(new Float32Array(2000).fill(3));
    await session.release();
  });

  it("refuses a tensor that no shard can hold, naming it", () => {
    expect(() => packGraph(sumGraph(1000), { maxShardBytes: ROOM + 3999 })).toThrow(
      /tensor "a": has 4000 bytes, a shard holds 3999/,
    );
  });

  it("gives the same bytes for the same graph", () => {
    expect(packGraph(sumGraph(1000))).toEqual(packGraph(sumGraph(1000)));
  });
});

describe("the encoded model", () => {
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
