/** Rows -> feeds: shapes, masks and positions, and that a row is the same whatever stands beside it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { collate, collateTokens } from "../../../../src/core/model/collate.ts";
import type { CollateShape, Row } from "../../../../src/core/model/collate.ts";
import { emptyPrefix, unpackPrefix } from "../../../../src/core/model/prefix.ts";
import type { Tensor } from "../../../../src/core/model/tensor.ts";

const shape: CollateShape = {
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

  test("positions start at the architecture's first and shift by the task's offset", () => {
    const { feeds } = collateTokens(
      [rowOf([1, 2], 0, 16)],
      [0],
      { first_position: 2, pad_token_id: 0 },
      "first",
    );
    expect(numbers(feeds["position_ids"])).toEqual([18, 19]);
    expect(numbers(feeds["query_length"])).toEqual([1]);
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
