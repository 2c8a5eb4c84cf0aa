/** Embeddings: expected values by the definitions of mean and of Euclidean length. */
import { describe, expect, test } from "vitest";
import { embedding } from "../../../../src/core/model/embedding.ts";
import type { EmbeddingPooling } from "../../../../src/core/model/embedding.ts";
import { pool } from "../../../../src/core/model/head.ts";

const H = 2;
const pooler = { weight: Float32Array.of(0, 1, 1, 0), bias: Float32Array.of(0, 0) };
/** Windows of two tokens, [q, H] each. */
const windows = [Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6, 7, 8)];
const pooled = (states: readonly Float32Array[], pooling: EmbeddingPooling = "mean") =>
  states.map((window) => pool(window, 2, H, pooling, pooler));

describe("embedding", () => {
  test.each([
    ["mean", [2, 3]],
    ["cls", [1, 2]],
    ["pooler", [Math.tanh(2), Math.tanh(1)]],
  ] as const)("pools one window by %s", (pooling, expected) => {
    const found = embedding(pooled(windows.slice(0, 1), pooling), false);
    expect([...found]).toEqual(expected.map(Math.fround));
  });

  test("of several windows is the mean of theirs", () => {
    const found = embedding(pooled(windows), false);
    expect([...found]).toEqual([4, 5]);
  });

  test("is scaled to length 1 after windows are merged, not before", () => {
    const found = embedding(pooled(windows), true);
    const length = Math.hypot(4, 5);
    expect(found[0]).toBeCloseTo(4 / length, 6);
    expect(found[1]).toBeCloseTo(5 / length, 6);
  });

  test("counts a row's own tokens only, whatever the run was padded to", () => {
    const padded = Float32Array.of(1, 2, 3, 4, 100, 100);
    const found = embedding(pooled([padded]), false);
    expect([...found]).toEqual([2, 3]);
  });

  test("of nothing but zeros stays zero instead of becoming NaN", () => {
    const zeros = [new Float32Array(4)];
    expect([...embedding(pooled(zeros), true)]).toEqual([0, 0]);
  });
});
