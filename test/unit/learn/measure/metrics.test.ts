/** Metrics against scikit-learn and seqeval; provenance in test/golden/metrics.json (made_by). */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { classMetrics, entitiesOf, entityMetrics } from "../../../../src/learn/measure/metrics.ts";
import type { LabelScore } from "../../../../src/learn/measure/metrics.ts";

type Table = Record<string, [precision: number, recall: number, f1: number, support: number]>;

const golden = JSON.parse(
  readFileSync(new URL("../../../golden/metrics.json", import.meta.url), "utf8"),
) as {
  entities: {
    name: string;
    truth: string[];
    predicted: string[];
    precision: number;
    recall: number;
    f1: number;
    token_accuracy: number;
    labels: Table;
  }[];
  classes: {
    name: string;
    truth: string;
    predicted: string;
    accuracy: number;
    macro_f1: number;
    matthews: number;
    labels: Table;
  }[];
};

function expectTable(found: readonly LabelScore[], expected: Table): void {
  expect(found.map(({ label }) => label).sort()).toEqual(Object.keys(expected).sort());
  for (const { label, precision, recall, f1, support } of found) {
    const row = expected[label]!;
    expect([precision, recall, f1]).toEqual(row.slice(0, 3).map((x) => expect.closeTo(x, 12)));
    // A label without truth is reported with the support 0 by both.
    expect(support).toBe(row[3]);
  }
}

describe("entity metrics equal seqeval's", () => {
  test.each(golden.entities)("$name", (golden) => {
    const split = (rows: string[]): string[][] => rows.map((row) => row.split(" "));
    const found = entityMetrics(split(golden.truth), split(golden.predicted));
    expect(found.precision).toBeCloseTo(golden.precision, 12);
    expect(found.recall).toBeCloseTo(golden.recall, 12);
    expect(found.f1).toBeCloseTo(golden.f1, 12);
    expect(found.token_accuracy).toBeCloseTo(golden.token_accuracy, 12);
    expectTable(found.labels, golden.labels);
  });
});

describe("class metrics equal scikit-learn's", () => {
  test.each(golden.classes)("$name", (golden) => {
    const found = classMetrics(golden.truth.split(" "), golden.predicted.split(" "));
    expect(found.accuracy).toBeCloseTo(golden.accuracy, 12);
    expect(found.macro_f1).toBeCloseTo(golden.macro_f1, 12);
    expect(found.matthews).toBeCloseTo(golden.matthews, 12);
    expectTable(found.labels, golden.labels);
  });
});

test("an I- after another type begins an entity, as conlleval reads it", () => {
  expect(entitiesOf(["B-PER", "I-LOC", "I-LOC", "O", "I-PER"])).toEqual([
    ["PER", 0, 0],
    ["LOC", 1, 2],
    ["PER", 4, 4],
  ]);
});

test("no rows give zeros and not NaN", () => {
  expect(classMetrics([], [])).toMatchObject({ accuracy: 0, macro_f1: 0, matthews: 0, rows: 0 });
  expect(entityMetrics([], [])).toMatchObject({ f1: 0, token_accuracy: 0, rows: 0 });
});
