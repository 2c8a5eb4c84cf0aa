/** How words are written: one shape for all pieces of a word. */
import { describe, expect, test } from "vitest";
import { WORD_SHAPES, shapeOf, wordShapes } from "../../../../src/core/model/word-shapes.ts";

describe("the shape of a word", () => {
  test.each([
    ["paris", "lower"],
    ["Paris", "title"],
    ["A", "title"],
    ["NATO", "upper"],
    ["U.S", "upper"],
    ["McDonald", "mixed"],
    ["iPhone", "mixed"],
    ["NATOs", "mixed"],
    ["Élodie", "title"],
    ["Ælfric", "title"],
    ["東京", "lower"],
    ["2015", "digit"],
    ["B2B", "digit"],
    ["٣", "digit"],
    ["...", "other"],
    ["😀", "other"],
    ["", "other"],
  ])("of %o is %s", (word, shape) => {
    expect(WORD_SHAPES[shapeOf(word)]).toBe(shape);
  });
});

test("every piece has the shape of its whole word", () => {
  const text = "the McDonalds";
  const pieces = {
    starts: Int32Array.of(0, 4, 6),
    ends: Int32Array.of(3, 6, 13),
    wordIds: Int32Array.of(0, 1, 1),
  };
  expect([...wordShapes(text, pieces)].map((shape) => WORD_SHAPES[shape])).toEqual([
    "lower",
    "mixed",
    "mixed",
  ]);
});
