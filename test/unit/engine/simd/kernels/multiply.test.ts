/** The matrix product against its reference, whose sums are exact; and how weights are packed. */
import { describe, expect, it } from "vitest";
import { derive, keyOf, normals, uniforms } from "../../../../../src/learn/random.ts";
import type { Key } from "../../../../../src/learn/random.ts";
import { LEVELS, MAX_INPUTS } from "../../../../../src/engine/simd/kernels/kernels.ts";
import * as references from "../../../../../src/engine/simd/kernels/references.ts";
import { KernelMemory, distance, flat, rowsOf } from "../../../../support/kernel-memory.ts";

const integers = (key: Key, count: number, limit: number): number[] => {
  const uniform = uniforms(key);
  return Array.from({ length: count }, () => Math.floor(uniform() * (2 * limit + 1)) - limit);
};

interface Product {
  readonly q: number[][]; // [M, K]
  readonly w: number[][]; // [K, N], signed
  readonly scale: number[]; // [M]
  readonly weightScale: number[]; // [N]
  readonly biases: number[][]; // [any, N]
  /** Which bias each row takes. */
  readonly biasOf: number[]; // [M]
  readonly residual: number[][] | null; // [M, N]
}

const integerMatrices = (key: Key, M: number, K: number, N: number) => ({
  q: rowsOf(integers(derive(key, "q"), M * K, LEVELS), K),
  w: rowsOf(integers(derive(key, "w"), K * N, 127), N),
});

/** Columns in more than one of the groups that few rows take at the longer K. */
const N = 40;

/** What makes a product of M rows and N columns nothing but its integers. */
const unscaled = (M: number) => ({
  scale: Array.from({ length: M }, () => 1),
  weightScale: Array.from({ length: N }, () => 1),
  biases: [Array.from({ length: N }, () => 0)],
  biasOf: Array.from({ length: M }, () => 0),
  residual: null,
});

function randomProduct(key: Key, M: number, K: number, N: number): Product {
  const floats = (name: string, count: number): number[] => [...normals(derive(key, name), count)];
  return {
    ...integerMatrices(key, M, K, N),
    scale: floats("scale", M).map((value) => Math.abs(value) / LEVELS),
    weightScale: floats("weight scale", N).map((value) => Math.abs(value) / 127),
    biases: rowsOf(floats("bias", 2 * N), N),
    biasOf: Array.from({ length: M }, (_, m) => m % 2),
    residual: rowsOf(floats("residual", M * N), N),
  };
}

/** Places a product, runs it, and returns [M, N]; columns outside of `from`..`to` stay 0. */
function run(product: Product, from = 0, to = product.w[0]!.length, inPlace = false): number[][] {
  const { q, w, biases, residual } = product;
  const [M, K, N] = [q.length, w.length, w[0]!.length];
  const memory = new KernelMemory();
  const raw = memory.place(
    "uint8",
    flat(w).map((value) => value + 128),
  );
  const packed = memory.reserve(K * N);
  memory.kernels.pack(K, N, 0, K, raw, packed);
  const rows = memory.placeQuantized(q);
  const scale = memory.place("float32", product.scale);
  const weightScale = memory.place("float32", product.weightScale);
  const before = residual ? memory.place("float32", flat(residual)) : 0;
  const out = inPlace
    ? before
    : memory.place(
        "float32",
        Array.from({ length: M * N }, () => 0),
      );
  // A bias lies behind another vector of its task.
  const vectors = biases.map((bias) => memory.place("float32", [...Array(8).fill(9), ...bias]));
  const addresses = memory.place(
    "uint32",
    product.biasOf.map((i) => vectors[i]!),
  );
  memory.kernels.multiply(
    M,
    K,
    from,
    to,
    rows,
    scale,
    packed,
    weightScale,
    addresses,
    32,
    before,
    4 * N,
    out,
    4 * N,
  );
  expect(memory.overwritten()).toEqual([]);
  return rowsOf(memory.read("float32", out, M * N), N);
}

function expected({ q, w, scale, weightScale, biases, biasOf, residual }: Product): number[][] {
  const columns = weightScale.map((_, n) => w.map((row) => row[n]!));
  return q.map((row, m) => {
    const bias = biases[biasOf[m]!]!;
    return references
      .multiply({ q: row, scale: scale[m]! }, columns, weightScale, bias)
      .map((value, n) => value + (residual?.[m]?.[n] ?? 0));
  });
}

const key = keyOf(21);

describe("multiply", () => {
  // From 32 rows on, weights are widened on the way.
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 31, 32, 33, 34, 35, 36, 41])(
    "computes %i rows, each with its own bias",
    (M) => {
      const product = randomProduct(derive(key, M), M, 40, 24);
      expect(distance(flat(run(product)), flat(expected(product)))).toBeLessThan(2e-4);
    },
  );

  it.each(
    [8, 16, 24, 32, 64, 72, 384, 1536, MAX_INPUTS].flatMap((K) =>
      [5, 37].map((M) => [K, M] as const),
    ),
  )("sums %i inputs of %i rows exactly", (K, M) => {
    const product = { ...unscaled(M), ...integerMatrices(derive(key, "K", K), M, K, N) };
    // One rounding to float32 of an exact integer.
    expect(run(product)).toEqual(expected(product).map((row) => row.map(Math.fround)));
  });

  it.each([5, 37])("holds the largest sums of %i rows at the longest K in 32 bits", (M) => {
    const signs = [
      [1, 1],
      [1, -1],
      [-1, 1],
      [-1, -1],
    ] as const;
    for (const [a, b] of signs) {
      const matrix = (rows: number, columns: number, value: number): number[][] =>
        Array.from({ length: rows }, () => Array.from({ length: columns }, () => value));
      const q = matrix(M, MAX_INPUTS, a * LEVELS);
      const w = matrix(MAX_INPUTS, N, b * 127);
      const sum = Math.fround(a * b * LEVELS * 127 * MAX_INPUTS);
      expect(run({ ...unscaled(M), q, w })).toEqual(matrix(M, N, sum));
    }
  });

  it("computes a range of columns at their place", () => {
    const product = { ...randomProduct(derive(key, "range"), 38, 32, 40), residual: null };
    const all = run(product);
    expect(run(product, 8, 24)).toEqual(
      all.map((row) => row.map((value, n) => (n >= 8 && n < 24 ? value : 0))),
    );
  });

  it("may write over the residual that it adds", () => {
    const product = randomProduct(derive(key, "in place"), 35, 32, 16);
    expect(run(product, 0, 16, true)).toEqual(run(product));
  });

  it("gives a row the same bits alone and among others", () => {
    const product = { ...randomProduct(derive(key, "alone"), 39, 48, 16), residual: null };
    const together = run(product);
    const alone = product.q.flatMap((row, m) =>
      run({ ...product, q: [row], scale: [product.scale[m]!], biasOf: [product.biasOf[m]!] }),
    );
    expect(alone).toEqual(together);
  });

  it("computes a part of the rows from a whole number of tiles on", () => {
    const { q, w } = randomProduct(derive(key, "part"), 10, 16, 8);
    const memory = new KernelMemory();
    const rows = memory.placeQuantized(q);
    expect(memory.readQuantized(rows + 2 * 16 * 8, 2, w.length)).toEqual(q.slice(8));
  });
});

describe("pack", () => {
  it.each([
    [2, 8],
    [8, 8],
    [16, 24],
    [64, 40],
  ])("puts %i x %i weights where the product reads them", (K, N) => {
    const raw = rowsOf(
      integers(derive(key, "pack", K, N), K * N, 127).map((value) => value + 128),
      N,
    );
    const memory = new KernelMemory();
    const packed = memory.reserve(K * N);
    memory.kernels.pack(K, N, 0, K, memory.place("uint8", flat(raw)), packed);
    expect(memory.read("int8", packed, K * N)).toEqual(references.pack(raw));
    expect(memory.overwritten()).toEqual([]);
  });

  it("packs a matrix piece by piece", () => {
    const [K, N] = [24, 16];
    const raw = rowsOf(
      integers(derive(key, "pieces"), K * N, 127).map((value) => value + 128),
      N,
    );
    const memory = new KernelMemory();
    const packed = memory.reserve(K * N);
    for (const [from, to] of [
      [10, 24],
      [0, 2],
      [2, 10],
    ] as const) {
      const piece = memory.place("uint8", flat(raw.slice(from, to)));
      memory.kernels.pack(K, N, from, to, piece, packed);
    }
    expect(memory.read("int8", packed, K * N)).toEqual(references.pack(raw));
    expect(memory.overwritten()).toEqual([]);
  });
});
