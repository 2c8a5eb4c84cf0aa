import fc from "../../../support/properties.ts";
import { describe, expect, it, test } from "vitest";
import { Graph } from "../../../../src/graph/graph.ts";
import { packGraph } from "../../../../src/graph/encoding/pack.ts";
import {
  dequantize,
  inputOffset,
  quantizeLinear,
  quantizeRows,
  quantizeTable,
  quantizedLinear,
} from "../../../../src/graph/quantization/int8.ts";
import { createNodeSession } from "../../../../scripts/node/runtime-node.ts";
import { createWasmSession } from "../../../../src/engine/ort/wasm-sessions.ts";
import { keyOf, normals } from "../../../../src/learn/random.ts";
import { float32 } from "../../../../src/core/model/tensor.ts";
import type { TensorOf } from "../../../../src/core/model/tensor.ts";

const matrix = (rows: number, columns: number, values: ArrayLike<number>) =>
  float32([rows, columns], Float32Array.from(values));

const matrices = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
  .chain(([rows, columns]) =>
    fc
      .array(fc.float({ min: -100, max: 100, noNaN: true }), {
        minLength: rows * columns,
        maxLength: rows * columns,
      })
      .map((values) => matrix(rows, columns, values)),
  );

describe("8-bit weights", () => {
  test("a linear comes back within half a step of its output channel", () => {
    fc.assert(
      fc.property(matrices, (weight) => {
        const { values, scale } = quantizeLinear(weight);
        const back = dequantize(values, scale);
        const columns = weight.dims[1]!;
        return weight.data.every(
          (value, i) => Math.abs(value - back.data[i]!) <= scale.data[i % columns]! * 0.50001,
        );
      }),
      { seed: 1 },
    );
  });

  test("a table comes back within half a step of its row", () => {
    fc.assert(
      fc.property(matrices, (table) => {
        const { values, scale } = quantizeTable(table);
        const back = dequantize(values, scale);
        const width = table.dims[1]!;
        return table.data.every(
          (value, i) =>
            Math.abs(value - back.data[i]!) <= scale.data[Math.floor(i / width)]! * 0.50001,
        );
      }),
      { seed: 2 },
    );
  });

  it("are stored as uint8 around 128 and never use the value that would be -128", () => {
    const { values, scale } = quantizeLinear(matrix(3, 2, [-1, 0.5, 0.25, 0, 1, -0.5]));
    expect(values.dtype).toBe("uint8");
    expect([...values.data]).toEqual([1, 255, 160, 128, 255, 1]);
    expect([...scale.data]).toEqual([Math.fround(1 / 127), Math.fround(0.5 / 127)]);
  });

  it("keep a channel or row of zeros at zero", () => {
    const zeros = matrix(2, 2, [0, 1, 0, 2]);
    const linear = quantizeLinear(zeros);
    expect([...dequantize(linear.values, linear.scale).data].filter((_, i) => i % 2 === 0)).toEqual(
      [0, 0],
    );
    const table = quantizeTable(matrix(2, 2, [0, 0, 1, 2]));
    expect([...dequantize(table.values, table.scale).data.subarray(0, 2)]).toEqual([0, 0]);
  });

  it("refuse a tensor that is no matrix, and a scale that does not fit", () => {
    expect(() => quantizeLinear(float32([4], new Float32Array(4)))).toThrow(/only matrices/);
    const { values } = quantizeLinear(matrix(2, 2, [1, 2, 3, 4]));
    expect(() => dequantize(values)).toThrow(/its scale is missing, expected float32 with 2/);
    expect(() => dequantize(values, float32([3], new Float32Array(3)))).toThrow(/\[3\]/);
  });

  it("are divided by an input scale on the way in and multiplied on the way back", () => {
    const weight = matrix(2, 2, [0.5, 0.25, -0.25, 0.5]);
    const { values, scale } = quantizeLinear(weight);
    const inputScale = float32([2], Float32Array.of(2, 0.5));
    const back = dequantize(values, scale, inputScale).data;
    const plain = dequantize(values, scale).data;
    expect([...back]).toEqual([...plain].map((value, i) => value * (i < 2 ? 2 : 0.5)));
  });
});

const ROWS = 6;
const IN = 64;
const OUT = 48;

/** x -> dequantized linear, on both runtimes; with the float result beside it. */
async function runLinear(x: TensorOf<"float32">, min?: number) {
  const weight = matrix(IN, OUT, normals(keyOf(7), IN * OUT, 0.1));
  const { values, scale } = quantizeLinear(weight);
  const g = new Graph();
  const input = g.input("x", "float32", ["M", IN]);
  const rows = quantizeRows(g, input, min);
  const product = quantizedLinear(g, rows, g.constant("w", values), g.constant("s", scale));
  const y =
    min === undefined || min === 0
      ? product
      : g.add("Add", [product, g.constant("o", inputOffset(values, scale, min))]);
  g.output(y, "y");
  g.output(rows.values, "q");
  const files = packGraph(g);
  const [node, web] = await Promise.all([createNodeSession(files), createWasmSession(files)]);
  const outputs = { node: await node.run({ x }), web: await web.run({ x }) };
  await Promise.all([node.release(), web.release()]);
  const back = dequantize(values, scale).data;
  const expected = Float32Array.from({ length: x.dims[0]! * OUT }, (_, at) => {
    const [m, o] = [Math.floor(at / OUT), at % OUT];
    let sum = 0;
    for (let k = 0; k < IN; k++) sum += x.data[m * IN + k]! * back[k * OUT + o]!;
    return sum;
  });
  return { outputs, expected };
}

const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return ab / Math.sqrt(aa * bb);
};

describe("an 8-bit linear in a graph", () => {
  const rows = normals(keyOf(3), ROWS * IN);

  it("is close to the float product, and its integers are the same natively and in wasm", async () => {
    const { outputs, expected } = await runLinear(matrix(ROWS, IN, rows));
    expect(cosine(outputs.web["y"]!.data as Float32Array, expected)).toBeGreaterThan(0.9999);
    expect(outputs.node["q"]!.data).toEqual(outputs.web["q"]!.data);
  });

  it("gives each row the same answer alone and beside a row a thousand times larger", async () => {
    const beside = matrix(2, IN, [...rows.slice(0, IN), ...rows.slice(0, IN).map((v) => v * 1000)]);
    const alone = await runLinear(matrix(1, IN, rows.slice(0, IN)));
    const together = await runLinear(beside);
    const first = (together.outputs.web["y"]!.data as Float32Array).slice(0, OUT);
    expect(first).toEqual(alone.outputs.web["y"]!.data);
  });

  it("answers zero, and not NaN, for a row of zeros", async () => {
    const { outputs } = await runLinear(matrix(1, IN, new Float32Array(IN)));
    expect(outputs.node["y"]!.data).toEqual(new Float32Array(OUT));
    expect(outputs.web["y"]!.data).toEqual(new Float32Array(OUT));
  });

  it("uses all 256 values when its input has a lower bound", async () => {
    const bounded = matrix(
      ROWS,
      IN,
      rows.map((value) => Math.max(value, -0.1701)),
    );
    const { outputs, expected } = await runLinear(bounded, -0.1701);
    expect(cosine(outputs.web["y"]!.data as Float32Array, expected)).toBeGreaterThan(0.9999);
    expect(Math.max(...(outputs.web["q"]!.data as Uint8Array))).toBe(255);
    expect(Math.min(...(outputs.web["q"]!.data as Uint8Array))).toBe(0);
  });

  it("is right for an input that is nothing but its lower bound", async () => {
    const { outputs, expected } = await runLinear(
      matrix(1, IN, new Float32Array(IN).fill(-0.1701)),
      -0.1701,
    );
    const found = outputs.web["y"]!.data as Float32Array;
    found.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
  });
});
