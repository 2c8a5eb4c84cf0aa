/** Rows -> feeds: shapes, masks and positions, and that a row is the same whatever stands beside it. */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { emptyPrefix, prefixWidth, unpackPrefix } from "../../../../src/core/model/prefix.ts";
import type { Prefix, PrefixShape } from "../../../../src/core/model/prefix.ts";
import type { Row } from "../../../../src/core/model/rows.ts";
import {
  BIAS_DELTAS,
  LAYER_WEIGHTS,
  pastKey,
  pastValue,
} from "../../../../src/core/model/shapes.ts";
import type { Tensor } from "../../../../src/core/model/tensor.ts";
import { collate, stackPrefixes } from "../../../../src/engine/ort/feeds.ts";
import type { FeedShape } from "../../../../src/engine/ort/feeds.ts";

const shape: FeedShape = {
  num_hidden_layers: 1,
  num_bias_deltas: 0,
  num_key_value_heads: 1,
  head_dim: 2,
  first_position: 0,
  pad_token_id: 7,
};

function rowOf(ids: number[], prefixLength = 0, positionOffset = 0): Row {
  const values = Float32Array.from({ length: prefixLength * 4 }, (_, i) => i + 1);
  return {
    ids: Int32Array.from(ids),
    typeIds: Int32Array.from(ids, (_, i) => (i > 1 ? 1 : 0)),
    prefix:
      prefixLength === 0 ? emptyPrefix(shape) : unpackPrefix(values, [prefixLength, 4], shape, "t"),
    positionOffset,
  };
}

const numbers = (tensor: Tensor | undefined): number[] =>
  Array.from(tensor!.data as BigInt64Array, Number);

describe("collate", () => {
  test("pads texts and prefixes, and masks both paddings", () => {
    const feeds = collate([rowOf([11, 12, 13], 1), rowOf([21], 2, 5)], shape, "all");
    expect(feeds["input_ids"]!.dims).toEqual([2, 3]);
    expect(numbers(feeds["input_ids"])).toEqual([11, 12, 13, 21, 7, 7]);
    expect(numbers(feeds["token_type_ids"])).toEqual([0, 0, 1, 0, 0, 0]);
    expect(numbers(feeds["position_ids"])).toEqual([0, 1, 2, 5, 0, 0]);
    expect(feeds["attention_mask"]!.dims).toEqual([2, 5]);
    // [prefix of 2 | text of 3], row by row
    expect(numbers(feeds["attention_mask"])).toEqual([1, 0, 1, 1, 1, 1, 1, 1, 0, 0]);
    expect(feeds["past_key_values.0.key"]!.dims).toEqual([2, 1, 2, 2]);
    expect(numbers(feeds["query_length"])).toEqual([3]);
    expect(Object.keys(feeds).sort()).toEqual([
      "attention_mask",
      "input_ids",
      "past_key_values.0.key",
      "past_key_values.0.value",
      "position_ids",
      "query_length",
      "token_type_ids",
    ]);
  });

  test("a batch without prefixes has a mask as wide as its texts", () => {
    const feeds = collate([rowOf([1, 2])], shape, "all");
    expect(feeds["attention_mask"]!.dims).toEqual([1, 2]);
    expect(feeds["past_key_values.0.value"]!.dims).toEqual([1, 1, 0, 2]);
  });

  test("what a row may attend to is its own, whatever stands beside it", () => {
    const row = fc
      .tuple(
        fc.array(fc.integer({ min: 10, max: 99 }), { minLength: 1, maxLength: 6 }),
        fc.nat({ max: 3 }),
        fc.nat({ max: 4 }),
      )
      .map(([ids, prefix, offset]) => rowOf(ids, prefix, offset));
    fc.assert(
      fc.property(row, fc.array(row, { maxLength: 3 }), fc.nat(), (own, others, place) => {
        const rows = [...others];
        const b = place % (others.length + 1);
        rows.splice(b, 0, own);
        const visible = (batch: Row[], at: number) => {
          const feeds = collate(batch, shape, "all");
          const [, length = 0] = feeds["input_ids"]!.dims;
          const [, width = 0] = feeds["attention_mask"]!.dims;
          const mask = numbers(feeds["attention_mask"]).slice(at * width, (at + 1) * width);
          const of = (name: string, size: number, from: number) => {
            const { data } = feeds[name]!;
            const block = Array.from(data as BigInt64Array, Number).slice(
              at * size * (width - from),
              (at + 1) * size * (width - from),
            );
            return block.filter((_, i) => mask[from + Math.floor(i / size)] === 1);
          };
          const prefixWidth = width - length;
          const side = (name: string) =>
            Array.from(feeds[name]!.data as Float32Array)
              .slice(at * prefixWidth * 2, (at + 1) * prefixWidth * 2)
              .filter((_, i) => mask[Math.floor(i / 2)] === 1);
          return {
            ids: of("input_ids", 1, prefixWidth),
            types: of("token_type_ids", 1, prefixWidth),
            positions: of("position_ids", 1, prefixWidth),
            keys: side("past_key_values.0.key"),
            values: side("past_key_values.0.value"),
          };
        };
        expect(visible(rows, b)).toEqual(visible([own], 0));
        expect(visible([own], 0).ids).toEqual([...own.ids]);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

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
