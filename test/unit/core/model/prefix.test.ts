/** Prefixes: PEFT's layout read by its definition, and rows with different prefixes in one batch. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkFinite,
  emptyPrefix,
  prefixWidth,
  stackPrefixes,
  unpackPrefix,
} from "../../../../src/core/model/prefix.ts";
import type { Prefix, PrefixShape } from "../../../../src/core/model/prefix.ts";
import {
  BIAS_DELTAS,
  LAYER_WEIGHTS,
  pastKey,
  pastValue,
} from "../../../../src/core/model/shapes.ts";
import { formatError } from "../../../support/hostile.ts";

const shapes = fc.record({
  num_hidden_layers: fc.integer({ min: 1, max: 3 }),
  num_key_value_heads: fc.integer({ min: 1, max: 3 }),
  head_dim: fc.integer({ min: 1, max: 4 }),
  num_bias_deltas: fc.constant(0),
});
const tiny: PrefixShape = {
  num_hidden_layers: 2,
  num_key_value_heads: 2,
  head_dim: 3,
  num_bias_deltas: 0,
};

/** A prefix whose every element is another number; `seed` keeps rows apart. */
function prefixOf(shape: PrefixShape, length: number, seed = 0): Prefix {
  const width = prefixWidth(shape);
  const flat = Float32Array.from({ length: length * width }, (_, i) => seed * 10_000 + i + 1);
  return unpackPrefix(flat, [length, width], shape, "test");
}

describe("unpackPrefix", () => {
  // PEFT: prompts.view(P, 2L, N, D).permute(1, 2, 0, 3); even index = key, odd = value of a layer.
  test("element [p, 2l + side, n, d] of the file is element [n, p, d] of that layer's side", () => {
    fc.assert(
      fc.property(shapes, fc.nat({ max: 5 }), (shape, length) => {
        const { num_hidden_layers: layers, num_key_value_heads: heads, head_dim: size } = shape;
        const prefix = prefixOf(shape, length);
        expect(prefix.numVirtualTokens).toBe(length);
        expect(prefix.layers).toHaveLength(layers);
        for (let layer = 0; layer < layers; layer++) {
          for (const [side, values] of [
            prefix.layers[layer]!.key,
            prefix.layers[layer]!.value,
          ].entries()) {
            const expected: number[] = [];
            for (let n = 0; n < heads; n++) {
              for (let p = 0; p < length; p++) {
                for (let d = 0; d < size; d++) {
                  expected.push(((p * 2 * layers + 2 * layer + side) * heads + n) * size + d + 1);
                }
              }
            }
            expect([...values]).toEqual(expected);
          }
        }
      }),
      { seed: 1 },
    );
  });

  test.each([[[2, 23]], [[2, 25]], [[24]], [[]], [[1, 2, 24]]])(
    "shape %j belongs to another base",
    (dims) => {
      const flat = new Float32Array(dims.reduce<number>((a, b) => a * b, 1));
      const error = formatError(() => unpackPrefix(flat, dims, tiny, 'task "x"'));
      expect(error.code).toBe("tensor-shape-mismatch");
      expect(error.message).toContain('task "x": prompt_embeddings');
    },
  );

  test.each([NaN, Infinity, -Infinity])("%f anywhere is refused, with its place", (value) => {
    for (const at of [0, 17, 47]) {
      const flat = new Float32Array(48);
      flat[at] = value;
      const error = formatError(() => unpackPrefix(flat, [2, 24], tiny, "t"));
      expect(error.code).toBe("prefix-not-finite");
      expect(error.message).toContain(`element ${at} is ${value}`);
    }
  });

  test("the largest finite number is finite", () => {
    expect(() => checkFinite("x", Float32Array.of(3.4028234663852886e38, -0))).not.toThrow();
  });
});

describe("stackPrefixes", () => {
  /** Element [b, n, p, d] of a stack, zero beyond a row's own length. */
  const at = (
    row: Prefix,
    layer: number,
    side: "key" | "value",
    shape: PrefixShape,
    n: number,
    p: number,
    d: number,
  ) =>
    p < row.numVirtualTokens
      ? row.layers[layer]![side][(n * row.numVirtualTokens + p) * shape.head_dim + d]!
      : 0;

  test("every row keeps its own prefix, shorter ones end in zeros", () => {
    const lengths = fc.array(fc.nat({ max: 4 }), { maxLength: 4 });
    fc.assert(
      fc.property(shapes, lengths, (shape, each) => {
        const rows = each.map((length, b) => prefixOf(shape, length, b + 1));
        const { feeds, length } = stackPrefixes(rows, shape);
        const { num_hidden_layers: layers, num_key_value_heads: heads, head_dim: size } = shape;
        expect(length).toBe(Math.max(0, ...each));
        expect(Object.keys(feeds)).toHaveLength(2 * layers);
        for (let layer = 0; layer < layers; layer++) {
          for (const side of ["key", "value"] as const) {
            const tensor = feeds[side === "key" ? pastKey(layer) : pastValue(layer)]!;
            expect(tensor.dtype).toBe("float32");
            expect(tensor.dims).toEqual([rows.length, heads, length, size]);
            const expected: number[] = [];
            for (const row of rows) {
              for (let n = 0; n < heads; n++) {
                for (let p = 0; p < length; p++) {
                  for (let d = 0; d < size; d++)
                    expected.push(at(row, layer, side, shape, n, p, d));
                }
              }
            }
            expect([...(tensor.data as Float32Array)]).toEqual(expected);
          }
        }
      }),
      { seed: 2 },
    );
  });

  test("no prefix at all is a prefix of length 0", () => {
    const { feeds, length } = stackPrefixes([emptyPrefix(tiny), emptyPrefix(tiny)], tiny);
    expect(length).toBe(0);
    expect(feeds[pastKey(1)]!.dims).toEqual([2, 2, 0, 3]);
    expect(feeds[pastKey(1)]!.data).toHaveLength(0);
    expect(unpackPrefix(new Float32Array(0), [0, 24], tiny, "t")).toEqual(emptyPrefix(tiny));
  });

  test("a task without a prefix shares a batch with one that has one", () => {
    const { feeds } = stackPrefixes([emptyPrefix(tiny), prefixOf(tiny, 1)], tiny);
    expect([...(feeds[pastKey(0)]!.data as Float32Array)]).toEqual([
      0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6,
    ]);
  });
});

describe("deltas in a batch", () => {
  const shape: PrefixShape = {
    num_hidden_layers: 2,
    num_key_value_heads: 1,
    head_dim: 1,
    num_bias_deltas: 3,
  };
  const deltas = { biasDeltas: Float32Array.of(1, 2, 3), layerWeights: Float32Array.of(4, 5, 6) };
  const plain = emptyPrefix(shape);
  const biased: Prefix = { ...plain, deltas };
  const stacked = (...rows: Prefix[]): unknown[] => {
    const { feeds } = stackPrefixes(rows, shape);
    return [BIAS_DELTAS, LAYER_WEIGHTS].map((name) => [feeds[name]!.dims, [...feeds[name]!.data]]);
  };

  test("rows of one task share one row of deltas", () => {
    expect(stacked(biased, biased)).toEqual([
      [
        [1, 3],
        [1, 2, 3],
      ],
      [
        [1, 3],
        [4, 5, 6],
      ],
    ]);
  });

  test("a task without deltas adds nothing and answers from the last layer", () => {
    expect(stacked(plain)).toEqual([
      [
        [1, 3],
        [0, 0, 0],
      ],
      [
        [1, 3],
        [0, 0, 1],
      ],
    ]);
  });

  test("rows of several tasks keep their own", () => {
    expect(stacked(plain, biased)).toEqual([
      [
        [2, 3],
        [0, 0, 0, 1, 2, 3],
      ],
      [
        [2, 3],
        [0, 0, 1, 4, 5, 6],
      ],
    ]);
  });

  test("a base whose graph takes none is fed none", () => {
    expect(stackPrefixes([plain], { ...shape, num_bias_deltas: 0 }).feeds).not.toHaveProperty(
      BIAS_DELTAS,
    );
  });
});
