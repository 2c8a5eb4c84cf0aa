/** Prototypes: what stands for a label's rows. */
import { describe, expect, test } from "vitest";
import { familiarity, prototypesOf } from "../../../../src/core/model/prototypes.ts";
import { fitPrototypes, prototypeRows } from "../../../../src/learn/head/prototypes.ts";
import { keyOf, normals } from "../../../../src/learn/random.ts";

const H = 8;
/** Rows around one axis for each label, `each` of them. */
function around(axes: readonly number[], each: number) {
  const noise = normals(keyOf(3), axes.length * each * H, 0.1);
  const labels = axes.flatMap((_, label) => Array.from({ length: each }, () => label));
  const data = noise.map((value, i) => {
    const label = labels[Math.floor(i / H)]!;
    return value + (i % H === axes[label] ? 1 : 0);
  });
  return { states: { data, hidden: H }, labels };
}

describe("fitPrototypes", () => {
  test("keeps every row of a label with few, as directions of length 127", () => {
    const states = { data: Float32Array.of(3, 4, 0, -2), hidden: 2 };
    expect([...fitPrototypes(states, [0, 1], 2)]).toEqual([76, 102, 0, -127]);
  });

  test("groups the rows of a label with many, near which new ones of it lie and others do not", () => {
    const { states, labels } = around([0, 1, 2], 60);
    const stored = fitPrototypes(states, labels, 3);
    expect(stored.length / H).toBe(3 * 16);
    const prototypes = prototypesOf(stored, H);
    const axis = (at: number) => Float32Array.from({ length: H }, (_, h) => (h === at ? 1 : 0));
    expect(familiarity(axis(1), prototypes)).toBeGreaterThan(0.9);
    expect(familiarity(axis(5), prototypes)).toBeLessThan(0.6);
  });

  test("has fewer for each of many labels, at least one", () => {
    const { states, labels } = around([0, 1], 40);
    expect(fitPrototypes(states, labels, 128).length / H).toBe(2 * 4);
    expect(fitPrototypes(states, labels, 10_000).length / H).toBe(2 * 1);
  });

  test("leaves out rows that have no label", () => {
    const states = { data: Float32Array.of(1, 0, 0, 1), hidden: 2 };
    expect([...fitPrototypes(states, [-1, 0], 1)]).toEqual([0, 127]);
  });
});

test("prototypeRows chooses at most a thousand rows a label, the same ones for a key", () => {
  const labels = Array.from({ length: 3_000 }, (_, i) => (i < 2_500 ? 0 : i < 2_900 ? 1 : -1));
  const rows = prototypeRows(labels, 2, keyOf(0));
  expect(rows.filter((row) => labels[row] === 0)).toHaveLength(1_000);
  expect(rows.filter((row) => labels[row] === 1)).toHaveLength(400);
  expect(new Set(rows).size).toBe(1_400);
  expect(prototypeRows(labels, 2, keyOf(0))).toEqual(rows);
  expect(prototypeRows(labels, 2, keyOf(1))).not.toEqual(rows);
});
