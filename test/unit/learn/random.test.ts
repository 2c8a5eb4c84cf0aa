/** Random numbers depend on their key and on nothing else, and look random enough to train on. */
import { expect, test } from "vitest";
import { derive, keyOf, normals, permutation, uniforms } from "../../../src/learn/random.ts";

test("the same path gives the same key, another path another one", () => {
  expect(derive(keyOf(1), "shuffle", 3)).toEqual(derive(keyOf(1), "shuffle", 3));
  const keys = [
    derive(keyOf(1), "shuffle", 3),
    derive(keyOf(2), "shuffle", 3),
    derive(keyOf(1 + 2 ** 32), "shuffle", 3),
    derive(keyOf(1), "shuffle", 4),
    derive(keyOf(1), "dropout", 3),
    derive(keyOf(1), 3, "shuffle"),
  ];
  expect(new Set(keys.map(String)).size).toBe(keys.length);
});

test("ten thousand neighbouring keys start with unrelated numbers", () => {
  const first = Array.from({ length: 10_000 }, (_, i) => uniforms(derive(keyOf(0), i))());
  const mean = first.reduce((a, b) => a + b) / first.length;
  const lag = first.slice(1).reduce((sum, x, i) => sum + (x - 0.5) * (first[i]! - 0.5), 0) / 9_999;
  expect(new Set(first).size).toBe(10_000);
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
  expect(Math.abs(lag)).toBeLessThan(0.003);
});

test("normals have the mean and deviation asked for", () => {
  const values = normals(keyOf(5), 20_001, 0.5);
  const mean = values.reduce((a, b) => a + b) / values.length;
  const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  expect(Math.abs(mean)).toBeLessThan(0.02);
  expect(Math.abs(deviation - 0.5)).toBeLessThan(0.01);
  expect(values.every(Number.isFinite)).toBe(true);
});

test("a permutation holds every index once", () => {
  const order = permutation(keyOf(3), 1000);
  expect(Int32Array.from(order).sort()).toEqual(Int32Array.from({ length: 1000 }, (_, i) => i));
  expect(order).not.toEqual(permutation(keyOf(4), 1000));
  expect(permutation(keyOf(3), 0)).toHaveLength(0);
});
