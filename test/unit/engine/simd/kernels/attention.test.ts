/** Attention of one text against its reference, head by head. */
import { describe, expect, it } from "vitest";
import { derive, keyOf, normals } from "../../../../../src/learn/random.ts";
import type { Key } from "../../../../../src/learn/random.ts";
import {
  EVERY_TOKEN,
  MAX_HEAD_SIZE,
  attentionWorkBytes,
} from "../../../../../src/engine/simd/kernels/kernels.ts";
import * as references from "../../../../../src/engine/simd/kernels/references.ts";
import { KernelMemory, distance, flat, padded, rowsOf } from "../../../../support/kernel-memory.ts";

interface Text {
  readonly queries: number;
  readonly T: number;
  readonly P: number;
  /** Rows that the prefix has in memory; those behind P belong to nothing. */
  readonly pastRows: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly D: number;
  readonly window: number;
}

const PLAIN: Text = {
  queries: 9,
  T: 9,
  P: 0,
  pastRows: 0,
  heads: 2,
  kvHeads: 2,
  D: 32,
  window: EVERY_TOKEN,
};

/**
 * Arrays as the kernel takes them: tokens [T, heads * D] behind one another, prefixes [kvHeads, pastRows,
 * D] with NaN in the rows that are not the prefix's.
 */
function arraysOf(key: Key, { T, P, pastRows, heads, kvHeads, D }: Text) {
  const values = (name: string, count: number): number[] => [...normals(derive(key, name), count)];
  const past = (name: string): number[] =>
    rowsOf(values(name, kvHeads * pastRows * D), D).flatMap((row, i) =>
      i % pastRows < P ? row : row.map(() => NaN),
    );
  return {
    q: values("q", T * heads * D),
    k: values("k", T * kvHeads * D),
    v: values("v", T * kvHeads * D),
    pastKeys: past("past keys"),
    pastValues: past("past values"),
  };
}

type Arrays = ReturnType<typeof arraysOf>;

function run(text: Text, arrays: Arrays): number[][] {
  const { queries, T, P, pastRows, heads, kvHeads, D, window } = text;
  const memory = new KernelMemory();
  /** Heads with zeros behind them. */
  const place = (x: readonly number[]): number =>
    memory.place("float32", flat(padded(rowsOf(x, D))));
  const [q, k, v] = [arrays.q, arrays.k, arrays.v].map(place);
  const pastKeys = place(arrays.pastKeys);
  const pastValues = place(arrays.pastValues);
  const work = memory.reserve(attentionWorkBytes(P + T, D));
  const head = Math.ceil(D / 8) * 8;
  const width = heads * head;
  const out = memory.reserve(4 * queries * width);
  memory.kernels.attention(
    queries,
    T,
    heads,
    kvHeads,
    D,
    q!,
    4 * width,
    k!,
    v!,
    4 * kvHeads * head,
    P,
    pastKeys,
    pastValues,
    pastRows,
    window,
    out,
    4 * width,
    work,
  );
  expect(memory.overwritten()).toEqual([]);
  const found = rowsOf(memory.read("float32", out, queries * width), head);
  expect(found.flatMap((row) => row.slice(D)).every((value) => value === 0)).toBe(true);
  return rowsOf(flat(found.map((row) => row.slice(0, D))), heads * D);
}

function expected(text: Text, arrays: Arrays): number[][] {
  const { queries, P, pastRows, heads, kvHeads, D } = text;
  const result = Array.from({ length: queries }, () => Array<number>(heads * D).fill(0));
  for (let head = 0; head < heads; head++) {
    const kvHead = Math.floor(head / (heads / kvHeads));
    const ofHead = (x: number[], count: number, at: number): number[][] =>
      rowsOf(x, count * D).map((row) => row.slice(at * D, (at + 1) * D));
    const past = (x: number[]): number[][] =>
      rowsOf(x, D).slice(kvHead * pastRows, kvHead * pastRows + P);
    const rows = references.attention(
      ofHead(arrays.q, heads, head).slice(0, queries),
      [...past(arrays.pastKeys), ...ofHead(arrays.k, kvHeads, kvHead)],
      [...past(arrays.pastValues), ...ofHead(arrays.v, kvHeads, kvHead)],
      text,
    );
    for (const [i, row] of rows.entries()) result[i]!.splice(head * D, D, ...row);
  }
  return result;
}

/** The largest difference to the reference, of values that are about 1. */
function error(key: Key, text: Text): number {
  const arrays = arraysOf(key, text);
  return distance(run(text, arrays).flat(), expected(text, arrays).flat());
}

/** What the rounding of shares leaves, and a level here and there that float32 rounds the other way. */
const TOLERANCE = 3e-4;
const key = keyOf(42);

describe("attention", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 17])("answers %i tokens", (T) => {
    expect(error(derive(key, T), { ...PLAIN, T, queries: T })).toBeLessThan(TOLERANCE);
  });

  it.each([1, 2, 4, 5, 8, 9])("answers the first %i tokens of 13", (queries) => {
    expect(error(derive(key, queries), { ...PLAIN, T: 13, queries })).toBeLessThan(TOLERANCE);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8])("reads %i of 8 rows of a prefix", (P) => {
    const text = { ...PLAIN, P, pastRows: 8 };
    expect(error(derive(key, "prefix", P), text)).toBeLessThan(TOLERANCE);
  });

  it.each([8, 9, 12, 16, 26, 32, 64, 72])("has heads of %i numbers", (D) => {
    const text = { ...PLAIN, D, P: 3, pastRows: 5 };
    expect(error(derive(key, "D", D), text)).toBeLessThan(TOLERANCE);
  });

  it.each([
    [4, 2],
    [6, 2],
    [4, 1],
  ])("lets %i heads share %i key heads", (heads, kvHeads) => {
    const text = { ...PLAIN, heads, kvHeads, P: 2, pastRows: 3 };
    expect(error(derive(key, heads, kvHeads), text)).toBeLessThan(TOLERANCE);
  });

  it.each([0, 1, 2, 5, 7, 8, 9, 15, 40])("sees the prefix and tokens up to %i away", (window) => {
    for (const T of [1, 5, 8, 21, 34]) {
      const text = { ...PLAIN, T, queries: T, window, P: 3, pastRows: 3 };
      expect(error(derive(key, "window", window, T), text)).toBeLessThan(TOLERANCE);
    }
  });

  it("gives a query the same bits whatever tile it is in", () => {
    const text = { ...PLAIN, T: 21, queries: 21, window: 4, P: 3, pastRows: 3 };
    const arrays = arraysOf(derive(key, "tile"), text);
    const all = run(text, arrays);
    for (const queries of [1, 3, 5, 20]) {
      expect(run({ ...text, queries }, arrays)).toEqual(all.slice(0, queries));
    }
  });

  it("takes nothing of a token that a query does not see, however large it is", () => {
    const text = { ...PLAIN, T: 18, queries: 8, window: 2, heads: 1, kvHeads: 1 };
    const arrays = arraysOf(derive(key, "unseen"), text);
    // Seen by the last two queries of the tile alone.
    arrays.v.fill(3e38, 9 * text.D, 10 * text.D);
    const rows = run(text, arrays).slice(0, 7).flat();
    expect(distance(rows, expected(text, arrays).slice(0, 7).flat())).toBeLessThan(TOLERANCE);
  });

  it("keeps its sums exact where every number is the largest: 1,000 columns of heads of 128", () => {
    const text = { ...PLAIN, T: 1_000, queries: 9, heads: 1, kvHeads: 1, D: MAX_HEAD_SIZE };
    const arrays = arraysOf(derive(key, "largest"), text);
    for (const array of [arrays.q, arrays.k, arrays.v]) array.fill(1);
    expect(distance(run(text, arrays).flat(), expected(text, arrays).flat())).toBeLessThan(5e-4);
  });

  it("keeps small values beside those of a prefix that are a thousand times as large", () => {
    const text = { ...PLAIN, P: 4, pastRows: 4, heads: 1, kvHeads: 1 };
    const arrays = arraysOf(derive(key, "scales"), text);
    arrays.pastKeys.fill(0);
    arrays.q.fill(30);
    arrays.k.fill(30);
    arrays.pastValues = arrays.pastValues.map((value) => 1000 * value);
    expect(distance(run(text, arrays).flat(), expected(text, arrays).flat())).toBeLessThan(
      TOLERANCE,
    );
  });

  it("gives the largest score all of the share when scores are far apart", () => {
    const text = { ...PLAIN, T: 4, queries: 1, heads: 1, kvHeads: 1 };
    const arrays = arraysOf(derive(key, "far"), text);
    arrays.q.fill(100);
    arrays.k.fill(-100).fill(100, 2 * text.D, 3 * text.D);
    const value = arrays.v.slice(2 * text.D, 3 * text.D);
    expect(distance(run(text, arrays).flat(), value)).toBeLessThan(5e-4); // a level of 4,095
  });
});
