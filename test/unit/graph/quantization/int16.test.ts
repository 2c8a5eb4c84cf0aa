/** Rows of two 8-bit digits: how finely they round, and that their products are those of the rows. */
import { describe, expect, test } from "vitest";
import { float32, toFloat32 } from "../../../../src/core/model/tensor.ts";
import { createWasmSession } from "../../../../src/engine/ort/wasm-sessions.ts";
import { createNodeSession } from "../../../../scripts/node/runtime-node.ts";
import { packGraph } from "../../../../src/graph/encoding/pack.ts";
import { Graph } from "../../../../src/graph/graph.ts";
import { splitRows, twoDigitLinear } from "../../../../src/graph/quantization/int16.ts";
import { multipliesSigned } from "../../../../src/graph/quantization/signed-products.ts";
import { dequantize, quantizeLinear, signed } from "../../../../src/graph/quantization/int8.ts";
import { keyOf, normals } from "../../../../src/learn/random.ts";

const [ROWS, DEPTH, COLUMNS] = [7, 45, 19];
const weight = quantizeLinear(float32([DEPTH, COLUMNS], normals(keyOf(1), DEPTH * COLUMNS)));
const bias = float32([COLUMNS], normals(keyOf(2), COLUMNS));

/** The exact product in double precision. */
function expected(x: Float32Array): number[] {
  const w = dequantize(weight.values, weight.scale).data;
  return Array.from({ length: ROWS * COLUMNS }, (_, i) => {
    const [row, column] = [Math.floor(i / COLUMNS), i % COLUMNS];
    let sum = bias.data[column]!;
    for (let k = 0; k < DEPTH; k++) sum += x[row * DEPTH + k]! * w[k * COLUMNS + column]!;
    return sum;
  });
}

describe.each([
  ["natively", createNodeSession],
  ["in wasm", createWasmSession],
] as const)("a product of two-digit rows %s", (_, open) => {
  async function products(x: Float32Array, isSigned: boolean): Promise<Float32Array> {
    const g = new Graph();
    const rows = splitRows(g, g.input("x", "float32", ["M", DEPTH]));
    const values = g.constant("w", isSigned ? signed(weight.values) : weight.values);
    const stored = { values, scale: g.constant("s", weight.scale) };
    g.output(twoDigitLinear(g, rows, stored, g.constant("b", bias)), "y");
    const session = await open(packGraph(g));
    const { y } = await session.run({ x: float32([ROWS, DEPTH], x) });
    await session.release();
    return toFloat32(y!);
  }

  const ordinary = normals(keyOf(3), ROWS * DEPTH);
  test.each([
    ["of ordinary numbers", ordinary],
    ["of numbers above a bound", ordinary.map((value) => Math.max(value, -0.17))],
    ["with one that is far larger", ordinary.map((value, i) => (i === 77 ? 40 : value))],
    ["of zeros", new Float32Array(ROWS * DEPTH)],
  ])("%s is that of the rows, but for half of 1/64,770 of their range", async (_name, x) => {
    const range = Math.max(0, ...x) - Math.min(0, ...x);
    // Half a step of every number times a weight below 4, at worst; the rest is float32's.
    const worst = (range / 64_770 / 2) * DEPTH * 4 + 1e-5;
    const exact = expected(x);
    for (const isSigned of [true, false]) {
      if (isSigned && !(await multipliesSigned(open))) continue;
      const found = await products(x, isSigned);
      const off = Math.max(...exact.map((value, i) => Math.abs(value - found[i]!)));
      expect(off).toBeLessThan(worst);
    }
  });
});
