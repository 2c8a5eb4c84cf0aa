/** Folds of cross-validation: every row once, labels evenly, equal texts together. */
import { describe, expect, test } from "vitest";
import { foldsOf } from "../../../../src/learn/data/folds.ts";
import type { Fold, FoldOptions } from "../../../../src/learn/data/folds.ts";
import type { Example } from "../../../../src/learn/data/read.ts";
import { keyOf } from "../../../../src/learn/random.ts";

const row = (text: string, ...labels: string[]): Example => ({ text, labels, words: [] });
const classes: Omit<FoldOptions, "folds"> = {
  type: "sequence",
  problemType: "single_label_classification",
};
const folded = (rows: readonly Example[], folds: number, more: Partial<FoldOptions> = {}): Fold[] =>
  foldsOf(rows, { ...classes, ...more, folds }, keyOf(3));
const heldOf = (folds: readonly Fold[]): number[] =>
  folds.flatMap(({ held }) => held).sort((a, b) => a - b);

/** Eight rows of each of six labels. */
const rows = Array.from({ length: 48 }, (_, n) => row(`text ${n}`, `label ${n % 6}`));

test("each row is held out once, and trains in all other folds", () => {
  const folds = folded(rows, 5);
  expect(heldOf(folds)).toEqual([...rows.keys()]);
  for (const { train, held } of folds) {
    expect([...train, ...held].sort((a, b) => a - b)).toEqual([...rows.keys()]);
  }
});

test("folds are of nearly equal size, and so are the labels in them", () => {
  const folds = folded(rows, 5);
  expect(folds.map(({ held }) => held.length)).toEqual([10, 10, 10, 9, 9]);
  for (const { held } of folds) {
    for (let label = 0; label < 6; label++) {
      const count = held.filter((n) => n % 6 === label).length;
      expect([1, 2]).toContain(count);
    }
  }
});

test("a seed chooses the folds", () => {
  expect(folded(rows, 5)).toEqual(folded(rows, 5));
  expect(foldsOf(rows, { ...classes, folds: 5 }, keyOf(4))).not.toEqual(folded(rows, 5));
});

test("more folds than texts are leave-one-out", () => {
  const few = rows.slice(0, 12);
  const folds = folded(few, 100);
  expect(folds.map(({ held }) => held.length)).toEqual(few.map(() => 1));
});

test("texts that differ in case and blanks are held out together", () => {
  const twice = [
    ...rows,
    ...rows.map(({ text, labels }) => row(` ${text.toUpperCase()}`, ...labels)),
  ];
  for (const { held } of folded(twice, 4)) {
    const numbers = held.map((n) => n % 48);
    expect(new Set(numbers).size).toBe(numbers.length / 2);
  }
});

describe("a label with one text", () => {
  test("never leaves training", () => {
    const folds = folded([...rows, row("alone", "rare")], 4);
    expect(heldOf(folds)).not.toContain(48);
    for (const { train, alone } of folds) {
      expect(train).toContain(48);
      expect(alone).toBe(1);
    }
  });

  test("does not, if the text occurs twice, either", () => {
    const folds = folded([...rows, row("alone", "rare"), row("Alone", "rare")], 4);
    expect(heldOf(folds)).toHaveLength(48);
  });

  test("is an error where all labels are like that, which says what helps", () => {
    const alone = Array.from({ length: 5 }, (_, n) => row(`text ${n}`, `label ${n}`));
    expect(() => folded(alone, 4)).toThrow(
      expect.objectContaining({ code: "data-too-few", message: expect.stringContaining("--eval") }),
    );
  });
});

test("rows of several labels are spread by the rarest of them", () => {
  const sets = Array.from({ length: 40 }, (_, n) =>
    row(`text ${n}`, "common", ...(n % 10 === 0 ? ["rare"] : [])),
  );
  const folds = folded(sets, 4, { problemType: "multi_label_classification" });
  expect(folds.map(({ held }) => held.filter((n) => n % 10 === 0).length)).toEqual([1, 1, 1, 1]);
});

test("sentences are spread by their rarest entity type", () => {
  const sentences = Array.from({ length: 24 }, (_, n) =>
    row(`text ${n}`, "O", "B-person", "I-person", n % 6 === 0 ? "B-place" : "O"),
  );
  const folds = folded(sentences, 4, { type: "token" });
  expect(folds.map(({ held }) => held.filter((n) => n % 6 === 0).length)).toEqual([1, 1, 1, 1]);
});

test("numbers are spread over their range", () => {
  const numbers = Array.from({ length: 50 }, (_, n) => row(`text ${n}`, String(n)));
  for (const { held } of folded(numbers, 5, { problemType: "regression" })) {
    const mean = held.reduce((sum, n) => sum + n, 0) / held.length;
    expect(Math.abs(mean - 24.5)).toBeLessThan(5);
  }
});
