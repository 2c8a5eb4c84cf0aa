/** Kernels that work on one row after the other, each against its reference. */
import { describe, expect, it } from "vitest";
import { derive, keyOf, normals, uniforms } from "../../../../../src/learn/random.ts";
import { ACTIVATION, LEVELS, NORM, TABLE } from "../../../../../src/engine/simd/kernels/kernels.ts";
import * as references from "../../../../../src/engine/simd/kernels/references.ts";
import { KernelMemory, distance, flat, padded, rowsOf } from "../../../../support/kernel-memory.ts";

const key = keyOf(7);
const randomRows = (name: string, M: number, K: number, deviation = 1): number[][] =>
  rowsOf([...normals(derive(key, name, M, K), M * K, deviation)], K);

const SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((M) => [8, 24, 40].map((K) => [M, K] as const));

/** Whether integers are what the reference rounds, give or take float32's own error. */
function expectQuantized(q: number[][], scale: number[], rows: readonly (readonly number[])[]) {
  for (const [m, row] of rows.entries()) {
    const exact = references.quantize(row);
    expect(distance(q[m]!, [...exact.q])).toBeLessThan(0.501);
    expect(Math.abs(scale[m]! / exact.scale - 1)).toBeLessThan(2e-6);
  }
}

describe("quantizeRows", () => {
  it.each(SIZES)("quantizes %i rows of %i numbers into tiles", (M, K) => {
    const x = randomRows("quantize", M, K);
    const memory = new KernelMemory();
    const at = memory.place("float32", flat(x));
    const [q, scale] = [memory.reserve(2 * M * K), memory.reserve(4 * M)];
    memory.kernels.quantizeRows(M, K, at, 0, q, scale);
    expectQuantized(memory.readQuantized(q, M, K), memory.read("float32", scale, M), x);
    expect(memory.read("float32", at, M * K)).toEqual(flat(x));
    expect(memory.overwritten()).toEqual([]);
  });

  it("multiplies by the scale of each input first", () => {
    const x = randomRows("scaled", 5, 16);
    const inputScale = randomRows("scales", 1, 16)[0]!;
    const memory = new KernelMemory();
    const [q, scale] = [memory.reserve(2 * 5 * 16), memory.reserve(4 * 5)];
    const scales = memory.place("float32", inputScale);
    memory.kernels.quantizeRows(5, 16, memory.place("float32", flat(x)), scales, q, scale);
    const scaled = x.map((row) => row.map((value, k) => value * inputScale[k]!));
    expectQuantized(memory.readQuantized(q, 5, 16), memory.read("float32", scale, 5), scaled);
    expect(memory.overwritten()).toEqual([]);
  });

  it("rounds halves to even, reaches every level and keeps a row of zeros", () => {
    const halves = [LEVELS, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, -LEVELS];
    const rows = [halves, Array.from({ length: 8 }, () => 0)];
    const memory = new KernelMemory();
    const [q, scale] = [memory.reserve(2 * 2 * 8), memory.reserve(8)];
    memory.kernels.quantizeRows(2, 8, memory.place("float32", flat(rows)), 0, q, scale);
    expect(memory.readQuantized(q, 2, 8)).toEqual([
      [LEVELS, 0, 2, 2, 0, -2, -2, -LEVELS],
      [0, 0, 0, 0, 0, 0, 0, 0],
    ]);
    expect(memory.read("float32", scale, 1)).toEqual([1]);
  });
});

/** Also rows with zeros behind them, of which each has another number. */
const NORM_SIZES = [...SIZES, ...[9, 10, 12, 13, 15, 30].map((H) => [3, H] as const)];

describe.each(["layer", "rms"] as const)("norm %s", (kind) => {
  it.each(NORM_SIZES)("normalizes and quantizes %i rows of %i numbers", (M, H) => {
    const x = randomRows("norm", M, H, 3).map((row) => row.map((value) => value + 2));
    const tasks = [randomRows("first task", 2, H), randomRows("second task", 2, H)];
    const inputScale = randomRows("scale", 1, H)[0]!;
    const memory = new KernelMemory();
    const bases = tasks.map((task) => memory.place("float32", flat(padded(task))));
    const vectors = memory.place(
      "uint32",
      x.map((_, m) => bases[m % 2]!),
    );
    const at = memory.place("float32", flat(padded(x)));
    const scales = memory.place("float32", flat(padded([inputScale])));
    const W = padded(x)[0]!.length;
    const [out, q, scale] = [4 * M * W, 2 * M * W, 4 * M].map((bytes) => memory.reserve(bytes));
    const epsilon = 1e-5;
    const { norm } = memory.kernels;
    norm(M, H, NORM[kind], at, vectors, 0, 4 * W, epsilon, scales, out!, q!, scale!);
    const normal = x.map((row, m) => {
      const [gamma, beta] = tasks[m % 2]!;
      return kind === "layer"
        ? references.layerNorm(row, gamma!, beta!, epsilon)
        : references.rmsNorm(row, gamma!, beta!, epsilon);
    });
    const found = rowsOf(memory.read("float32", out!, M * W), W);
    expect(distance(flat(found), flat(padded(normal)))).toBeLessThan(6e-6);
    const scaled = found.map((row) => row.map((value, k) => value * (inputScale[k] ?? 0)));
    expectQuantized(memory.readQuantized(q!, M, W), memory.read("float32", scale!, M), scaled);
    expect(memory.overwritten()).toEqual([]);
  });

  it("works in place and without quantizing", () => {
    const [x, vector] = [randomRows("in place", 3, 16), randomRows("vector", 1, 16)[0]!];
    const memory = new KernelMemory();
    const at = memory.place("float32", flat(x));
    const base = memory.place("float32", vector);
    const vectors = memory.place("uint32", [base, base, base]);
    memory.kernels.norm(3, 16, NORM[kind], at, vectors, 0, 0, 0, 0, at, 0, 0);
    const normal = x.flatMap((row) =>
      kind === "layer"
        ? references.layerNorm(row, vector, vector, 0)
        : references.rmsNorm(row, vector, vector, 0),
    );
    expect(distance(memory.read("float32", at, 48), normal)).toBeLessThan(4e-6);
    expect(memory.overwritten()).toEqual([]);
  });
});

describe.each(["gelu", "geluTanh", "relu", "silu"] as const)("activation %s", (name) => {
  const activation = references.ACTIVATIONS[name];
  /** Of gelu, the error of its approximation; float32's own of the others. */
  const tolerance = name === "gelu" ? 2.6e-5 : 1e-6;
  /** Every number from -12 to 12 in steps of 1/64, extremes at both ends. */
  const line = [-1e30, -88, ...Array.from({ length: 1537 }, (_, i) => i / 64 - 12), 88, 1e30];
  const padded = [...line, ...Array.from({ length: 8 - (line.length % 8) }, () => 0)];

  it("is its function, from far below to far above", () => {
    const memory = new KernelMemory();
    const K = padded.length;
    const x = memory.place("float32", padded);
    const [q, scale] = [memory.reserve(2 * K), memory.reserve(4)];
    memory.kernels.activate(1, K, x, 4 * K, ACTIVATION[name], q, scale);
    const errors = memory
      .read("float32", x, K)
      .map((value, i) => Math.abs(value - activation(padded[i]!)) / Math.max(1, Math.abs(value)));
    expect(Math.max(...errors)).toBeLessThan(tolerance);
  });

  it.each(SIZES)("quantizes %i rows of %i numbers, gated or not", (M, K) => {
    const [x, up] = [randomRows("x", M, K, 2), randomRows("up", M, K)];
    const joined = x.map((row, m) => [...row, ...up[m]!]);
    for (const isGated of [false, true]) {
      const memory = new KernelMemory();
      const at = memory.place("float32", flat(joined));
      const [q, scale] = [memory.reserve(2 * M * K), memory.reserve(4 * M)];
      const kind = ACTIVATION[name];
      if (isGated) memory.kernels.gate(M, K, at, at + 4 * K, 8 * K, kind, q, scale);
      else memory.kernels.activate(M, K, at, 8 * K, kind, q, scale);
      const found = rowsOf(memory.read("float32", at, 2 * M * K), 2 * K);
      const values = found.map((row) => row.slice(0, K));
      const exact = x.map((row, m) =>
        row.map((value, k) => activation(value) * (isGated ? up[m]![k]! : 1)),
      );
      expect(distance(flat(values), flat(exact))).toBeLessThan(4 * tolerance);
      expect(found.map((row) => row.slice(K))).toEqual(up);
      expectQuantized(memory.readQuantized(q, M, K), memory.read("float32", scale, M), values);
      expect(memory.overwritten()).toEqual([]);
    }
  });
});

describe("lookUp", () => {
  const FORMS = {
    float32: { type: "float32", zero: 0, levels: [-3, 3] },
    int8: { type: "int8", zero: 0, levels: [-127, 127] },
    uint8: { type: "uint8", zero: 128, levels: [0, 255] },
    uint4: { type: "uint8", zero: 8, levels: [0, 15] },
  } as const;
  const names = ["float32", "int8", "uint8", "uint4"] as const;

  it.each(names.flatMap((name) => [8, 16, 24, 56].map((H) => [name, H] as const)))(
    "reads a table of %s with %i columns, and adds to what is there",
    (name, H) => {
      const rows = 11;
      const { type, zero, levels } = FORMS[name];
      const [low, high] = levels;
      const uniform = uniforms(derive(key, name, H));
      const stored = rowsOf(
        Array.from({ length: rows * H }, () => low + Math.floor(uniform() * (high - low + 1))),
        H,
      );
      const bytes =
        name === "uint4"
          ? stored.map((row) => rowsOf(row, 2).map(([first, second]) => first! + 16 * second!))
          : stored;
      const scales = name === "float32" ? Array(rows).fill(1) : randomRows("scale", 1, rows)[0]!;
      const ids = [10, 0, 3, 3, 7];
      const before = randomRows("before", ids.length, H);
      const memory = new KernelMemory();
      const table = memory.place(type, flat(bytes));
      const scaleAt = name === "float32" ? 0 : memory.place("float32", scales);
      const idsAt = memory.place("uint32", ids);
      const sums = memory.place("float32", flat(before));
      const out = memory.reserve(4 * ids.length * H);
      const form = TABLE[name];
      memory.kernels.lookUp(ids.length, H, idsAt, table, form, scaleAt, 0, out);
      memory.kernels.lookUp(ids.length, H, idsAt, table, form, scaleAt, 1, sums);
      const exact = ids.flatMap((id) => references.lookUp(stored[id]!, zero, scales[id]!));
      const single = exact.map(Math.fround);
      expect(memory.read("float32", out, exact.length)).toEqual(single);
      expect(memory.read("float32", sums, exact.length)).toEqual(
        single.map((value, i) => Math.fround(value + flat(before)[i]!)),
      );
      expect(memory.overwritten()).toEqual([]);
    },
  );
});

describe("rotate", () => {
  it.each([
    [1, 1, 8],
    [3, 2, 32],
    [5, 3, 64],
    [2, 2, 72],
    [3, 2, 12],
    [3, 3, 26],
  ])("turns %i rows of %i heads of %i numbers by their positions", (M, heads, D) => {
    const angles = randomRows("angles", 6, D / 2, 3);
    const x = randomRows("rotate", M, heads * D);
    const behind = randomRows("behind", M, 4);
    const positions = x.map((_, m) => (m * 5 + 1) % 6);
    /** Zeros behind each half of each head, up to whole vectors. */
    const halves = (row: readonly number[]): number[] =>
      rowsOf(row, D / 2).flatMap((half) => [...half, ...Array<number>(-half.length & 3).fill(0)]);
    const memory = new KernelMemory();
    const table = angles.flatMap((row) => halves([...row.map(Math.cos), ...row.map(Math.sin)]));
    const placed = x.map((row, m) => [...halves(row), ...behind[m]!]);
    const at = memory.place("float32", flat(placed));
    const width = placed[0]!.length - 4;
    const stride = 4 * (width + 4);
    const [positionsAt, anglesAt] = [
      memory.place("uint32", positions),
      memory.place("float32", table),
    ];
    memory.kernels.rotate(M, heads, D, at, stride, positionsAt, anglesAt);
    const exact = x.map((row, m) =>
      halves(rowsOf(row, D).flatMap((head) => references.rotate(head, angles[positions[m]!]!))),
    );
    const found = rowsOf(memory.read("float32", at, M * (width + 4)), width + 4);
    expect(distance(flat(found.map((row) => row.slice(0, width))), flat(exact))).toBeLessThan(2e-6);
    expect(found.map((row) => row.slice(width))).toEqual(behind);
    expect(memory.overwritten()).toEqual([]);
  });
});

describe("sums", () => {
  it.each([4, 8, 12, 36])("adds %i numbers, as they are and by shares", (n) => {
    const [x, y] = [randomRows("x", 1, n)[0]!, randomRows("y", 1, n)[0]!];
    const memory = new KernelMemory();
    const [xAt, yAt] = [memory.place("float32", x), memory.place("float32", y)];
    const out = memory.reserve(4 * n);
    memory.kernels.add(n, xAt, yAt, out);
    memory.kernels.addScaled(n, 0.25, xAt, yAt);
    memory.kernels.add(n, xAt, xAt, xAt);
    const rounded = (exact: (i: number) => number): number[] =>
      x.map((_, i) => Math.fround(exact(i)));
    expect(memory.read("float32", out, n)).toEqual(rounded((i) => x[i]! + y[i]!));
    expect(memory.read("float32", yAt, n)).toEqual(rounded((i) => y[i]! + x[i]! / 4));
    expect(memory.read("float32", xAt, n)).toEqual(rounded((i) => 2 * x[i]!));
    expect(memory.overwritten()).toEqual([]);
  });
});
