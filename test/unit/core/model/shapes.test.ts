/** The names of the graph's inputs and outputs are a contract with Hugging Face's tools. */
import { expect, test } from "vitest";
import * as shapes from "../../../../src/core/model/shapes.ts";
import { formatError } from "../../../support/hostile.ts";

test("names are spelled as Hugging Face spells them", () => {
  expect([
    shapes.INPUT_IDS,
    shapes.ATTENTION_MASK,
    shapes.TOKEN_TYPE_IDS,
    shapes.POSITION_IDS,
    shapes.LAST_HIDDEN_STATE,
    shapes.PROMPT_EMBEDDINGS,
    shapes.CLASSIFIER_WEIGHT,
    shapes.CLASSIFIER_BIAS,
    shapes.POOLER_WEIGHT,
    shapes.POOLER_BIAS,
    shapes.pastKey(3),
    shapes.pastValue(0),
  ]).toEqual([
    "input_ids",
    "attention_mask",
    "token_type_ids",
    "position_ids",
    "last_hidden_state",
    "prompt_embeddings",
    "classifier.weight",
    "classifier.bias",
    "pooler.dense.weight",
    "pooler.dense.bias",
    "past_key_values.3.key",
    "past_key_values.0.value",
  ]);
  expect(shapes.QUERY_LENGTH).toBe("query_length");
  expect(shapes.gradOf("classifier.bias")).toBe("classifier.bias.grad");
});

test("a scalar has one element, a dimension of zero none", () => {
  expect(shapes.sizeOf([])).toBe(1);
  expect(shapes.sizeOf([3, 0, 5])).toBe(0);
  expect(shapes.sizeOf([2, 3, 4])).toBe(24);
});

test("a wrong shape is refused with what was found and what was expected", () => {
  shapes.checkDims("x", [2, 3], [2, 3]);
  shapes.checkDims("x", [], []);
  for (const found of [[3, 2], [2], [2, 3, 1], []]) {
    const error = formatError(() => shapes.checkDims("task x", found, [2, 3]));
    expect(error.code).toBe("tensor-shape-mismatch");
    expect(error.message).toBe(`task x: shape is [${found.join(", ")}], expected [2, 3]`);
  }
});
