import { describe, expect, it, test } from "vitest";
import { Graph } from "../../../../src/graph/graph.ts";
import * as ops from "../../../../src/graph/ops.ts";
import { packGraph } from "../../../../src/graph/encoding/pack.ts";
import { createNodeSession } from "../../../../scripts/node/runtime-node.ts";
import { createWasmSession } from "../../../../src/engine/ort/wasm-sessions.ts";
import { float32, int64 } from "../../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../../src/core/model/tensor.ts";
import type { GraphFiles } from "../../../../src/engine/session.ts";

/** y = x + w, z = -x, n = x as int64; w lies outside the graph. */
function sampleFiles(): GraphFiles {
  const g = new Graph();
  const x = g.input("x", "float32", ["B", 300]);
  const w = g.constant("w", float32([300], new Float32Array(300).fill(2)));
  g.output(ops.Add(g, x, w), "y");
  g.output(ops.Neg(g, x), "z");
  g.output(ops.Cast(g, x, "int64"), "n");
  return packGraph(g);
}

const ones = float32([1, 300], new Float32Array(300).fill(1));

describe.each([
  ["node", createNodeSession],
  ["web", createWasmSession],
] as const)("a session on %s", (name, create) => {
  it("reads external data from memory and names its inputs and outputs", async () => {
    const session = await create(sampleFiles());
    expect(session.inputs).toEqual(["x"]);
    expect(session.outputs).toEqual(["y", "z", "n"]);
    const { y, n } = await session.run({ x: ones });
    expect(y).toEqual(float32([1, 300], new Float32Array(300).fill(3)));
    expect(n).toEqual(int64([1, 300], new Float32Array(300).fill(1)));
    await session.release();
  });

  it("returns only what was asked for", async () => {
    const session = await create(sampleFiles());
    expect(Object.keys(await session.run({ x: ones }, ["z"]))).toEqual(["z"]);
    await session.release();
  });

  it("returns outputs that a later run does not touch", async () => {
    const session = await create(sampleFiles());
    const first = await session.run({ x: ones }, ["y"]);
    await session.run({ x: float32([1, 300], new Float32Array(300)) }, ["y"]);
    expect(first["y"]!.data[0]).toBe(3);
    await session.release();
  });

  it("answers a batch of no rows", async () => {
    const session = await create(sampleFiles());
    const { y } = await session.run({ x: float32([0, 300], new Float32Array(0)) }, ["y"]);
    expect(y!.dims).toEqual([0, 300]);
    await session.release();
  });

  it("says that a graph cannot be loaded, and why", async () => {
    const { graph, weights } = sampleFiles();
    await expect(create({ graph: graph.subarray(0, 50), weights })).rejects.toMatchObject({
      code: "graph-invalid",
      message: expect.stringMatching(/^graph: ONNX Runtime cannot load it \(.+\)/) as string,
    });
    await expect(create({ graph, weights: new Map() })).rejects.toMatchObject({
      code: "graph-invalid",
    });
    // A failed load does not spoil the next one.
    await (await create(sampleFiles())).release();
  });

  it("refuses a dtype that the runtime does not know", async () => {
    const session = await create(sampleFiles());
    const x: Tensor = { dtype: "bfloat16", dims: [1], data: new Uint16Array(1) };
    await expect(session.run({ x })).rejects.toThrow(/input "x": cannot be bfloat16/);
    await session.release();
  });

  it("tells how much memory of its own the runtime holds, where it can", async () => {
    const session = await create(sampleFiles());
    if (name === "web") expect(session.heapBytes()).toBeGreaterThan(1e6);
    else expect(session.heapBytes()).toBe(0);
    await session.release();
  });
});

test("web sessions that are created at the same time do not disturb each other", async () => {
  const sessions = await Promise.all([1, 2, 3].map(() => createWasmSession(sampleFiles())));
  for (const session of sessions) {
    expect((await session.run({ x: ones }, ["y"]))["y"]!.data[0]).toBe(3);
    await session.release();
  }
});

test("a native session can be limited to one thread", async () => {
  const session = await createNodeSession(sampleFiles(), { threads: 1 });
  expect((await session.run({ x: ones }, ["z"]))["z"]!.data[0]).toBe(-1);
  await session.release();
});
