import { describe, expect, it } from "vitest";
import { Graph } from "../../../../src/graph/graph.ts";
import * as ops from "../../../../src/graph/ops.ts";
import { packGraph } from "../../../../src/graph/encoding/pack.ts";
import { createNodeSession } from "../../../../scripts/node/runtime-node.ts";
import { readSafetensors } from "../../../../src/core/format/safetensors.ts";
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

  it("gives a tensor that is larger than the bound a shard of its own", () => {
    const { weights } = packGraph(sumGraph(1000), { maxShardBytes: ROOM + 3999 });
    const shards = [...weights.values()].map((bytes) => [...readSafetensors(bytes).tensors.keys()]);
    expect(shards).toEqual([["a"], ["b"]]);
  });

  it("gives the same bytes for the same graph", () => {
    expect(packGraph(sumGraph(1000))).toEqual(packGraph(sumGraph(1000)));
  });
});
