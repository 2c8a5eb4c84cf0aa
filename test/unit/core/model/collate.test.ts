/** Rows -> token feeds; the feeds of whole batches are tested with the engine that reads them. */
import { expect, test } from "vitest";
import { collateTokens } from "../../../../src/core/model/collate.ts";
import type { Tensor } from "../../../../src/core/model/tensor.ts";

const numbers = (tensor: Tensor | undefined): number[] =>
  Array.from(tensor!.data as BigInt64Array, Number);

test("positions start at the architecture's first and shift by the task's offset", () => {
  const row = { ids: Int32Array.of(1, 2), typeIds: new Int32Array(2), positionOffset: 16 };
  const { feeds } = collateTokens([row], [0], { first_position: 2, pad_token_id: 0 }, "first");
  expect(numbers(feeds["position_ids"])).toEqual([18, 19]);
  expect(numbers(feeds["query_length"])).toEqual([1]);
});
