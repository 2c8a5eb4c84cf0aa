/** The two products of a low-rank change, each against its reference. */
import { describe, expect, it } from "vitest";
import { derive, keyOf, normals } from "../../../../../src/learn/random.ts";
import * as references from "../../../../../src/engine/simd/kernels/references.ts";
import { KernelMemory, distance, flat, rowsOf } from "../../../../support/kernel-memory.ts";

const key = keyOf(11);
const randomRows = (name: string, M: number, K: number): number[][] =>
  rowsOf([...normals(derive(key, name, M, K), M * K)], K);

const SIZES = [1, 3, 4, 5, 8, 9].flatMap((M) => [1, 2, 5, 8].map((R) => [M, R] as const));

/** Rows with so many numbers behind each that are not theirs. */
const spaced = (rows: number[][], gap: number): number[] =>
  rows.flatMap((row) => [...row, ...Array.from({ length: gap }, () => Number.NaN)]);

describe("reduceRank and addByRank", () => {
  it.each(SIZES)("compute %i rows of rank %i, in rows that have a stride", (M, R) => {
    const [K, N, gap] = [24, 16, 8];
    const [x, a, b, y] = (
      [
        ["x", M, K],
        ["a", R, K],
        ["b", R, N],
        ["y", M, N],
      ] as const
    ).map(([name, rows, width]) => randomRows(name, rows, width)) as [
      number[][],
      number[][],
      number[][],
      number[][],
    ];
    const memory = new KernelMemory();
    const xAt = memory.place("float32", spaced(x, gap));
    const [aAt, bAt] = [memory.place("float32", flat(a)), memory.place("float32", spaced(b, gap))];
    const [reduced, out] = [memory.reserve(4 * M * R), memory.place("float32", spaced(y, gap))];
    memory.kernels.reduceRank(M, K, R, xAt, 4 * (K + gap), aAt, reduced);
    const h = rowsOf(memory.read("float32", reduced, M * R), R);
    const strides = [4 * (N + gap), out, 4 * (N + gap)] as const;
    memory.kernels.addByRank(M, N, R, reduced, bAt, ...strides);
    const found = memory.read("float32", out, M * (N + gap));
    for (let m = 0; m < M; m++) {
      expect(distance(h[m]!, [...references.reduceRank(x[m]!, a)])).toBeLessThan(1e-5);
      const row = found.slice(m * (N + gap), m * (N + gap) + N);
      expect(distance(row, [...references.addByRank(y[m]!, h[m]!, b)])).toBeLessThan(1e-5);
    }
    expect(memory.overwritten()).toEqual([]);
  });

  it("give a row the same bits alone and among others", () => {
    const [M, K, R, N] = [7, 40, 6, 24];
    const memory = new KernelMemory();
    const x = memory.place("float32", flat(randomRows("x", M, K)));
    const a = memory.place("float32", flat(randomRows("a", R, K)));
    const b = memory.place("float32", flat(randomRows("b", R, N)));
    const zeros = Array.from({ length: M * N }, () => 0);
    const [reduced, out] = [memory.reserve(4 * M * R), memory.place("float32", zeros)];
    memory.kernels.reduceRank(M, K, R, x, 4 * K, a, reduced);
    memory.kernels.addByRank(M, N, R, reduced, b, 4 * N, out, 4 * N);
    const together = memory.read("float32", out, M * N);
    for (let m = 0; m < M; m++) {
      const own = memory.place("float32", zeros.slice(0, N));
      memory.kernels.reduceRank(1, K, R, x + 4 * m * K, 4 * K, a, reduced);
      memory.kernels.addByRank(1, N, R, reduced, b, 4 * N, own, 4 * N);
      expect(memory.read("float32", own, N)).toEqual(together.slice(m * N, (m + 1) * N));
    }
  });
});
