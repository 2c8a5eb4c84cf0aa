/** What a person sees of the data before training: balance, lengths, what occurs twice, settings. */
import { describe, expect, test } from "vitest";
import {
  dataLines,
  doubtfulLines,
  durationText,
  settingsLines,
} from "../../../../scripts/cli/data-lines.ts";
import { joinWords } from "../../../../src/learn/data/lines.ts";
import {
  balanceOf,
  duplicatesWithin,
  histogramOf,
  tokenCounts,
} from "../../../../src/learn/measure/data-summary.ts";
import type { Example } from "../../../../src/learn/data/read.ts";
import type { PreparedTask } from "../../../../src/learn/task/prepare.ts";
import { tinyTokenizerJson } from "../../../support/tiny-base.ts";
import { tokenizerOf } from "../../../support/tokenizer-file.ts";

const row = (text: string, ...labels: string[]): Example => ({ text, labels, words: [] });
const CLASSES = {
  type: "sequence",
  problemType: "single_label_classification",
  labels: [],
} as const;

describe("the balance", () => {
  test("counts rows by label on both sides, the most frequent first", () => {
    const train = [row("a", "x"), row("b", "y"), row("c", "y")];
    expect(balanceOf(train, [row("d", "z")], CLASSES)).toEqual([
      { label: "y", train: 2, eval: 0 },
      { label: "x", train: 1, eval: 0 },
      { label: "z", train: 0, eval: 1 },
    ]);
  });

  test("counts entities of a type, not their words", () => {
    const example = {
      ...joinWords(["Ada", "King", "met", "Bob"]),
      labels: ["B-P", "I-P", "O", "B-P"],
    };
    const kind = {
      type: "token",
      problemType: "single_label_classification",
      labels: ["O", "B-P", "I-P"],
    } as const;
    expect(balanceOf([example], [], kind)).toEqual([{ label: "P", train: 2, eval: 0 }]);
  });

  test("of numbers there is none", () => {
    expect(balanceOf([row("a", "1.5")], [], { ...CLASSES, problemType: "regression" })).toEqual([]);
  });
});

test("lengths count all tokens of a text and its pair; many texts are sampled evenly", () => {
  const tokenizer = tokenizerOf(tinyTokenizerJson());
  expect(tokenCounts([row("the film"), { ...row("the film"), pair: "good" }], tokenizer)).toEqual([
    4, 6,
  ]);
  const many = Array.from({ length: 20_000 }, (_, i) => row(i < 10_000 ? "the" : "the film"));
  const lengths = tokenCounts(many, tokenizer);
  expect(lengths).toHaveLength(5_000);
  expect(lengths.filter((length) => length === 3)).toHaveLength(2_500);
});

describe("a histogram", () => {
  test("has bins of equal width that hold every value once", () => {
    const values = Array.from({ length: 1_000 }, (_, i) => 3 + (i % 60));
    const { width, counts, median, p95, max } = histogramOf(values);
    expect(width).toBe(8);
    expect(counts.reduce((sum, n) => sum + n, 0)).toBe(1_000);
    expect(counts).toHaveLength(8);
    expect([median, p95, max]).toEqual([32, 59, 62]);
  });

  test("is not stretched by one long text", () => {
    const { width, counts, max } = histogramOf([...Array<number>(500).fill(10), 5_000]);
    expect({ width, bins: counts.length, max }).toEqual({ width: 4, bins: 12, max: 5_000 });
    expect(counts.at(-1)).toBe(1);
  });
});

test("rows that repeat a text are counted, and texts whose rows disagree", () => {
  const rows = [row("a", "x"), row("a", "x"), row("a", "y"), row("b", "x"), row("b", "x")];
  expect(duplicatesWithin(rows)).toEqual({ withinTrain: 3, conflicting: 1 });
});

describe("the screen before training", () => {
  const labels = Array.from({ length: 12 }, (_, i) => `label ${i}`);
  const prepared: PreparedTask = {
    ...CLASSES,
    method: "prefix",
    objective: "head",
    folds: null,
    unlabelled: [],
    teacher: null,
    labels,
    numVirtualTokens: 16,
    pooling: "mean",
    maxLength: 128,
    hyperparameters: {
      learning_rate: 0.01,
      epochs: 16,
      batch_size: 16,
      weight_decay: 0.01,
      warmup_ratio: 0.06,
      prefix_dropout: 0.1,
      max_grad_norm: 1,
      patience: 6,
    },
    init: null,
    trainGraph: "int8",
    other: null,
    readsWords: false,
    labelAllTokens: false,
    seed: 0,
    train: Array.from({ length: 1_200 }, () => row("a", "x")),
    evaluation: [row("b", "x")],
    evaluationName: "10 % of tickets.csv",
    evaluationFiles: [],
    places: new Map(),
    summary: {
      files: [],
      balance: labels.map((label, i) => ({
        label,
        train: i < 8 ? 200 >> i : 0,
        eval: i < 7 || i === 8 ? 1 : 0,
      })),
      lengths: { train: histogramOf([5, 9, 9, 200]), eval: histogramOf([5]) },
      cutShare: 0.25,
      duplicates: { inEvaluation: 12, withinTrain: 3, conflicting: 1 },
    },
    warnings: [],
    reasons: { epochs: "for 1,200 rows" },
  };

  test("fits, and says what a person should know", () => {
    const lines = dataLines("tickets", prepared);
    expect(lines.length).toBeLessThan(20);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(120);
    expect(lines[0]).toBe(
      "tickets: 1,200 rows to train on, 1 to evaluate (10 % of tickets.csv); 12 labels",
    );
    expect(lines[1]).toBe(`  label 0   ${"█".repeat(20)}  200`);
    expect(lines).toContain("  .. 5 more ..");
    const text = lines.join("\n");
    expect(text).toContain("only in the evaluation rows, so never answered: label 8");
    expect(text).toContain("fewer than 5 rows to learn from: label 6, label 7\n");
    expect(text).toContain("nothing to evaluate on: label 7");
    expect(text).toContain("the longest 200; 25 % are longer than 128 and cut for training");
    expect(text).toContain("12 training rows left out: their texts are evaluation texts");
    expect(text).toContain("3 training rows repeat an earlier text and are kept; 1 text has");
  });

  test("counts rows with a score for each label, whose smaller scores teach a label too", () => {
    const shares = [
      ["label 0", 0.7],
      ["label 8", 0.3],
    ] as const;
    const train = [{ ...row("a", "label 0"), shares }, row("a", "x")];
    const text = dataLines("tickets", { ...prepared, train }).join("\n");
    expect(text).toContain("1 row gives a score for each label; it is counted by the largest");
    expect(text).not.toContain("so never answered: label 8");
    const several = { ...prepared, train, problemType: "multi_label_classification" } as const;
    expect(dataLines("tickets", several).join("\n")).toContain("a label holds from 0.5 on");
  });

  test("ends with every setting, and the reason for each that was chosen", () => {
    const lines = settingsLines(prepared, { name: "pocket", dtype: "int8" });
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100);
    const line = lines.join(" ·");
    expect(line).toMatch(/^prefix on pocket \(int8\) · 16 virtual tokens · pooling mean/);
    expect(line).toContain("16 epochs (for 1,200 rows)");
    expect(line).toContain("stopping after 6 without a better score");
  });
});

describe("rows to look at", () => {
  const found = [3, 12, 7, 40, 41, 55].map((line) => ({
    row: line - 2,
    text: "a",
    labels: ["x"],
    why: { kind: "neighbours", label: "y", count: 9, of: 10 } as const,
    place: `tickets.csv:${line}`,
  }));

  test("are one line with the places of the first", () => {
    expect(doubtfulLines(found, "tickets/report.html")).toEqual([
      "6 rows to look at, whose labels may be wrong: tickets.csv:3, tickets.csv:12, tickets.csv:7, tickets.csv:40, tickets.csv:41, ..; why is in the report",
    ]);
    expect(doubtfulLines(found.slice(0, 1), null)).toEqual([
      "1 row to look at, whose label may be wrong: tickets.csv:3",
    ]);
  });

  test("are not mentioned where there are none", () => {
    expect(doubtfulLines([], "tickets/report.html")).toEqual([]);
  });
});

test("a time is told in a unit that fits", () => {
  expect([0.2, 40, 700, 9_000].map(durationText)).toEqual(["1 s", "40 s", "12 min", "2.5 h"]);
});
