/** The limit of familiarity follows from the rows that fit. */
import { describe, expect, test } from "vitest";
import { decide } from "../../../../src/learn/measure/decisions.ts";
import type { JudgedLogits } from "../../../../src/learn/measure/decisions.ts";
import { calibrate } from "../../../../src/learn/measure/evaluate.ts";
import { fitOther, unsettledOther } from "../../../../src/learn/measure/other.ts";

const decoder = {
  type: "sequence",
  problem_type: "single_label_classification",
  labels: ["a", "b"],
  temperature: 1,
  thresholds: null,
  other: unsettledOther("none of these"),
} as const;
const example = (label: string) => ({ text: label, words: [], labels: [label] });
/** Rows that are sure of "a", from familiar to strange. */
const rowsOf = (count: number): JudgedLogits =>
  Array.from({ length: count }, (_, i) => ({ rows: [Float32Array.of(9, 0, 1 - i / count)] }));
const truth = (count: number) => Array.from({ length: count }, () => example("a"));

describe("fitOther", () => {
  test("lets 1.5 % of the rows lose a right answer, and no more", () => {
    const other = fitOther(decoder, truth(1000), rowsOf(1000));
    const { predicted } = decide({ ...decoder, other }, truth(1000), rowsOf(1000));
    expect(predicted.filter((label) => label === "none of these")).toHaveLength(15);
    expect(predicted.slice(-15)).toEqual(Array.from({ length: 15 }, () => "none of these"));
  });

  test("lets one of few rows lose it", () => {
    const other = fitOther(decoder, truth(40), rowsOf(40));
    const { predicted } = decide({ ...decoder, other }, truth(40), rowsOf(40));
    expect(predicted.filter((label) => label === "none of these")).toHaveLength(1);
  });

  test("does not count rows whose answer was wrong anyway", () => {
    // The fifty strangest rows are answered "a" and are "b".
    const mixed = Array.from({ length: 1000 }, (_, i) => example(i < 950 ? "a" : "b"));
    const other = fitOther(decoder, mixed, rowsOf(1000));
    const { predicted } = decide({ ...decoder, other }, mixed, rowsOf(1000));
    expect(predicted.filter((label) => label === "none of these")).toHaveLength(65);
  });

  test("is part of a task's calibration, and before that no text is other", () => {
    const { predicted } = decide(decoder, truth(100), rowsOf(100));
    expect(predicted.every((label) => label === "a")).toBe(true);
    const { other } = calibrate(decoder, truth(100), rowsOf(100));
    expect(other!.similarity).toBeGreaterThan(0);
  });
});
