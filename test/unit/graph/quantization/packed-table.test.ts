/** Tables in 4 and 8 bits: what they round to, and that the op which reads them agrees. */
import { describe, expect, test } from "vitest";
import { Graph } from "../../../../src/graph/graph.ts";
import { packGraph } from "../../../../src/graph/encoding/pack.ts";
import {
  gatherPacked,
  packTable,
  signedTable,
  unpackTable,
} from "../../../../src/graph/quantization/packed-table.ts";
import type { TableBits } from "../../../../src/graph/quantization/packed-table.ts";
import { createNodeSession } from "../../../../scripts/node/runtime-node.ts";
import { createWasmSession } from "../../../../src/engine/ort/wasm-sessions.ts";
import { keyOf, normals } from "../../../../src/learn/random.ts";
import { float32, int64, toFloat32 } from "../../../../src/core/model/tensor.ts";

const WIDTH = 48;
const table = float32([9, WIDTH], normals(keyOf(3), 9 * WIDTH));
const rowOf = (values: Float32Array, row: number): Float32Array =>
  values.subarray(row * WIDTH, (row + 1) * WIDTH);

describe.each<TableBits>([4, 8])("a table in %i bits", (bits) => {
  const packed = packTable(table, bits);
  const back = unpackTable(packed, WIDTH);

  test("takes that many bits a number and one scale a row", () => {
    expect(packed.values.dims).toEqual([9, (WIDTH * bits) / 8]);
    expect(packed.scale.dims).toEqual([9, 1]);
  });

  test("is packed again to the same bytes", () => {
    const again = packTable(back, bits);
    expect(again.values.data).toEqual(packed.values.data);
    expect(again.scale.data).toEqual(packed.scale.data);
  });

  test("stands for the same numbers one a byte", () => {
    const { data } = signedTable(packed.values, WIDTH);
    const scaled = Float32Array.from(
      data,
      (value, i) => value * packed.scale.data[Math.floor(i / WIDTH)]!,
    );
    expect(scaled).toEqual(back.data);
  });

  test.each([
    ["natively", createNodeSession],
    ["on the runtime that serves", createWasmSession],
  ])("is looked up %s as it is unpacked", async (_name, open) => {
    const g = new Graph();
    const ids = g.input("ids", "int64", ["n"]);
    const values = g.constant("table", packed.values);
    const scale = g.constant("scale", packed.scale);
    const rows = gatherPacked(g, { values, scale }, ids, WIDTH);
    expect(rows.dims).toEqual(["n", WIDTH]);
    g.output(rows, "rows");
    const session = await open(packGraph(g));
    const { rows: found } = await session.run({ ids: int64([3], [8, 0, 5]) });
    await session.release();
    expect(found!.dims).toEqual([3, WIDTH]);
    const expected = [8, 0, 5].flatMap((row) => [...rowOf(back.data, row)]);
    expect([...toFloat32(found!)]).toEqual(expected);
  });
});

describe("rounding", () => {
  test("of 4 bits leaves normal rows a cosine above .99, of 8 above .9999", () => {
    // A uniform quantizer of 16 levels has about 1.15 % distortion on a normal variable (Max 1960).
    for (const [bits, least] of [
      [4, 0.99],
      [8, 0.9999],
    ] as const) {
      const back = unpackTable(packTable(table, bits), WIDTH).data;
      for (let row = 0; row < 9; row++) {
        const [a, b] = [rowOf(table.data, row), rowOf(back, row)];
        const dot = a.reduce((sum, value, i) => sum + value * b[i]!, 0);
        expect(dot / Math.hypot(...a) / Math.hypot(...b)).toBeGreaterThan(least);
      }
    }
  });

  test("keeps a row of zeros, and the sign that has one level more for the largest value", () => {
    const rows = float32([3, 4], Float32Array.of(0, 0, 0, 0, 8, 1, -2, 7, -8, -1, 2, -7));
    expect([...unpackTable(packTable(rows, 4), 4).data].map((value) => value + 0)).toEqual([
      ...rows.data,
    ]);
  });
});
