/** Rows with planted mistakes are found, and sound rows are left alone. */
import { describe, expect, test } from "vitest";
import type { Example } from "../../../../src/learn/data/read.ts";
import { doubtfulRows } from "../../../../src/learn/measure/doubtful-rows.ts";
import type { DoubtOptions, DoubtfulRow } from "../../../../src/learn/measure/doubtful-rows.ts";
import { keyOf, normals } from "../../../../src/learn/random.ts";

const HIDDEN = 16;
const NAMES = ["red", "green", "blue", "grey"];
const row = (text: string, ...labels: string[]): Example => ({ text, labels, words: [] });

/** Normal clouds around a mean for each of the given classes. */
function cloudsOf(classes: readonly number[], distance = 1.5) {
  const means = normals(keyOf(1), NAMES.length * HIDDEN, distance);
  const data = normals(keyOf(2), classes.length * HIDDEN).map(
    (value, i) => 3 + value + means[classes[Math.floor(i / HIDDEN)]! * HIDDEN + (i % HIDDEN)]!,
  );
  return { data, hidden: HIDDEN };
}

const single: Omit<DoubtOptions, "features"> = {
  type: "sequence",
  problemType: "single_label_classification",
  labels: NAMES,
};
const rowsOf = (found: readonly DoubtfulRow[]): number[] => found.map(({ row }) => row);

describe("labels that neighbours contradict", () => {
  const classes = Array.from({ length: 80 }, (_, n) => n % 4);
  const features = cloudsOf(classes);
  const planted = new Map([
    [8, "blue"],
    [33, "red"],
    [62, "green"],
  ]);
  const examples = classes.map((c, n) => row(`text ${n}`, planted.get(n) ?? NAMES[c]!));

  test("are found, and only they", () => {
    const found = doubtfulRows(examples, { ...single, features });
    expect(rowsOf(found).sort((a, b) => a - b)).toEqual([8, 33, 62]);
  });

  test("are told with what the neighbours have", () => {
    const found = doubtfulRows(examples, { ...single, features }).find(({ row }) => row === 8)!;
    expect(found).toMatchObject({ text: "text 8", labels: ["blue"] });
    expect(found.why).toMatchObject({ kind: "neighbours", label: "red", of: 10 });
    expect(found.why.kind === "neighbours" && found.why.count).toBeGreaterThanOrEqual(8);
  });

  test("are not looked for where features do not tell labels apart", () => {
    const blurred = cloudsOf(classes, 0.05);
    expect(doubtfulRows(examples, { ...single, features: blurred })).toEqual([]);
  });

  test("are not looked for without features", () => {
    expect(doubtfulRows(examples, { ...single, features: null })).toEqual([]);
  });

  test("are at most one row of twenty", () => {
    const noisy = classes.map((c, n) => row(`text ${n}`, NAMES[n % 6 === 0 ? (c + 1) % 4 : c]!));
    expect(doubtfulRows(noisy, { ...single, features }).length).toBeLessThanOrEqual(4);
  });

  test("are found by the answers of cross-validation where features alone do not suffice", () => {
    const blurred = cloudsOf(classes, 0.3);
    const answers = classes.map((c) => NAMES.map((_, i) => (i === c ? 0.97 : 0.01)));
    const without = doubtfulRows(examples, { ...single, features: blurred });
    const found = doubtfulRows(examples, { ...single, features: blurred, answers });
    const right = (rows: readonly DoubtfulRow[]) => rowsOf(rows).filter((n) => planted.has(n));
    expect(right(found).length).toBeGreaterThan(right(without).length);
  });

  test("are not those of a label with a row or two, for which nothing else could speak", () => {
    const rare = examples.map((example, n) => (n === 5 ? row("alone", "white") : example));
    const found = doubtfulRows(rare, { ...single, labels: [...NAMES, "white"], features });
    expect(rowsOf(found)).not.toContain(5);
  });
});

test("a label that is missing among several is found", () => {
  const classes = Array.from({ length: 60 }, (_, n) => n % 3);
  const examples = classes.map((c, n) =>
    row(`text ${n}`, NAMES[c]!, ...(c === 0 && n !== 30 ? ["warm"] : [])),
  );
  const found = doubtfulRows(examples, {
    ...single,
    problemType: "multi_label_classification",
    labels: [...NAMES, "warm"],
    features: cloudsOf(classes),
  });
  expect(rowsOf(found)).toEqual([30]);
  expect(found[0]!.why).toMatchObject({ kind: "neighbours", label: "warm" });
});

test("a number that is far from what its neighbours have is found", () => {
  const classes = Array.from({ length: 60 }, (_, n) => n % 4);
  const noise = normals(keyOf(7), 60, 0.1);
  const examples = classes.map((c, n) => row(`text ${n}`, String(n === 21 ? 9 : c + noise[n]!)));
  const found = doubtfulRows(examples, {
    ...single,
    problemType: "regression",
    labels: ["score"],
    features: cloudsOf(classes),
  });
  expect(rowsOf(found)).toEqual([21]);
});

describe("texts that contradict one another", () => {
  const plain = { ...single, features: null };

  test("are found in any case, with blanks and quotes between", () => {
    const examples = [
      row("Where is my card?", "red"),
      row("something else", "green"),
      row("  where is MY card", "green"),
      row("where is my card", "red"),
    ];
    expect(doubtfulRows(examples, plain)).toEqual([
      {
        row: 2,
        text: "  where is MY card",
        labels: ["green"],
        why: { kind: "text", other: 0, text: "Where is my card?", labels: ["red"] },
      },
    ]);
  });

  test("are found by their features where they are written otherwise", () => {
    const classes = Array.from({ length: 40 }, (_, n) => n % 4);
    const features = cloudsOf(classes);
    features.data.copyWithin(9 * HIDDEN, 4 * HIDDEN, 5 * HIDDEN);
    const examples = classes.map((c, n) => row(`text ${n}`, NAMES[c]!));
    const found = doubtfulRows(examples, { ...single, features });
    expect(found[0]).toMatchObject({ row: 9, why: { kind: "text", other: 4, text: "text 4" } });
    expect(rowsOf(found)).not.toContain(4);
  });

  test("may have the same labels in another order", () => {
    const examples = [row("a b", "red", "green"), row("A b", "green", "red")];
    expect(doubtfulRows(examples, { ...plain, problemType: "multi_label_classification" })).toEqual(
      [],
    );
  });

  test("of tags show the words that are tagged in two ways", () => {
    const words = [
      { start: 0, end: 5 },
      { start: 6, end: 11 },
    ];
    const sentence = (...labels: string[]): Example => ({ text: "Paris calls", labels, words });
    const examples = [
      sentence("B-place", "O"),
      sentence("B-person", "O"),
      sentence("B-place", "O"),
    ];
    const found = doubtfulRows(examples, { ...plain, type: "token", labels: [] });
    expect(found).toMatchObject([
      { row: 1, labels: ["Paris: B-person"], why: { other: 0, labels: ["Paris: B-place"] } },
    ]);
  });

  test("are words, too, that one sentence tags otherwise than all others", () => {
    const sentences = Array.from({ length: 6 }, (_, n): Example => {
      const text = `${["he", "she", "it", "who", "one", "all"][n]} saw New York`;
      const ends = [...text.matchAll(/\S+/g)].map(({ index, 0: word }) => ({
        start: index,
        end: index + word.length,
      }));
      const tags = n === 3 ? ["O", "O", "O", "O"] : ["O", "O", "B-place", "I-place"];
      return { text, labels: tags, words: ends };
    });
    const tagged = { ...plain, type: "token", labels: ["O", "B-place", "I-place"] } as const;
    expect(doubtfulRows(sentences, tagged)).toEqual([
      {
        row: 3,
        text: "who saw New York",
        labels: ["New York: O"],
        why: { kind: "words", label: "place", count: 5, of: 6 },
      },
    ]);
    // Twice in one way and once in another proves nothing.
    expect(doubtfulRows(sentences.slice(1, 4), tagged)).toEqual([]);
  });

  test("of numbers are those that are further apart than the numbers usually are", () => {
    const numbers = [1, 2, 3, 4, 5].map((value) => row(`text ${value}`, String(value)));
    const examples = [...numbers, row("TEXT 5", "4.5"), row("TEXT 1", "5")];
    const found = doubtfulRows(examples, { ...plain, problemType: "regression" });
    expect(found).toMatchObject([{ row: 6, why: { kind: "text", other: 0 } }]);
  });
});
