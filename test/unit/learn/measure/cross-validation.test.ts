/**
 * Cross-validation is honest: the interval of a score by cross-validation contains the score on new
 * texts. Rows are normal clouds around class means, so new ones can be drawn without end; the figures
 * are those of a simulation with a fixed seed.
 */
import { describe, expect, test } from "vitest";
import { foldsOf } from "../../../../src/learn/data/folds.ts";
import type { Fold } from "../../../../src/learn/data/folds.ts";
import type { Example } from "../../../../src/learn/data/read.ts";
import { fitHead, headLogits } from "../../../../src/learn/head/fit-head.ts";
import type { FeatureRows } from "../../../../src/learn/head/fit-head.ts";
import { argmax } from "../../../../src/learn/measure/answers.ts";
import {
  assessFolds,
  crossValidate,
  crossValidated,
  scoresByRow,
} from "../../../../src/learn/measure/cross-validation.ts";
import type { Decoder } from "../../../../src/learn/measure/decisions.ts";
import { assess, calibrate } from "../../../../src/learn/measure/evaluate.ts";
import type { Evaluation } from "../../../../src/learn/measure/evaluate.ts";
import { derive, keyOf, normals } from "../../../../src/learn/random.ts";

const sequence = { type: "sequence", problemType: "single_label_classification" } as const;
const decoderOf = (C: number, more: Partial<Decoder> = {}): Decoder => ({
  type: "sequence",
  problem_type: "single_label_classification",
  labels: Array.from({ length: C }, (_, c) => `label ${c}`),
  temperature: 1,
  thresholds: null,
  other: null,
  ...more,
});
const rowsOf = (labels: readonly number[]): Example[] =>
  labels.map((label, n) => ({ text: `text ${n}`, labels: [`label ${label}`], words: [] }));

describe("crossValidate", () => {
  const folds: Fold[] = [
    { train: [1, 2, 3], held: [0, 4], of: 2, alone: 1 },
    { train: [0, 2, 4], held: [1, 3], of: 2, alone: 1 },
  ];

  test("answers each held-out row by what was learned without it, in the order of the rows", async () => {
    const held = await crossValidate(
      folds,
      async (train) => (rows) =>
        rows.map((row) => (train.includes(row) ? "seen" : `new to ${train.join(" ")}`)),
    );
    expect(held).toEqual([
      { row: 0, fold: 0, answer: "new to 1 2 3" },
      { row: 1, fold: 1, answer: "new to 0 2 4" },
      { row: 3, fold: 1, answer: "new to 0 2 4" },
      { row: 4, fold: 0, answer: "new to 1 2 3" },
    ]);
  });

  test("trains for one fold after the other", async () => {
    const events: string[] = [];
    await crossValidate(folds, async (_, fold) => {
      events.push(`train ${fold}`);
      await Promise.resolve();
      return (rows) => {
        events.push(`answer ${fold}`);
        return rows;
      };
    });
    expect(events).toEqual(["train 0", "answer 0", "train 1", "answer 1"]);
  });

  test("an evaluation counts the rows that were never held out", async () => {
    const held = await crossValidate(
      folds,
      async () => (rows) => rows.map(() => ({ rows: [new Float32Array(2)] })),
    );
    const { how, examples, foldOf } = crossValidated(rowsOf([0, 1, 0, 1, 0]), folds, held, {
      isWhole: false,
    });
    expect(how).toEqual({ folds: 2, of: 2, rows: 4, alone: 1, isWhole: false });
    expect(examples.map(({ text }) => text)).toEqual(["text 0", "text 1", "text 3", "text 4"]);
    expect(foldOf).toEqual([0, 1, 1, 0]);
  });
});

const HIDDEN = 24;

/** Clouds around class means that are the same for each call with one key. */
function clouds(rows: number, C: number, key: ReturnType<typeof keyOf>, part: string) {
  const means = normals(derive(key, "means"), C * HIDDEN, 0.7);
  const labels = Array.from({ length: rows }, (_, n) => n % C);
  const data = normals(derive(key, part), rows * HIDDEN).map((value, i) => {
    const h = i % HIDDEN;
    return (
      (value + means[labels[Math.floor(i / HIDDEN)]! * HIDDEN + h]!) * Math.exp((-2 * h) / HIDDEN)
    );
  });
  return { features: { data, hidden: HIDDEN }, labels };
}

const pick = ({ data, hidden }: FeatureRows, rows: readonly number[]): FeatureRows => ({
  hidden,
  data: Float32Array.from(rows.flatMap((n) => [...data.subarray(n * hidden, (n + 1) * hidden)])),
});

/** The evaluation by cross-validation of a head on few rows, and its accuracy on many new ones. */
async function evaluated(C: number, folds: number, seed: number) {
  const key = derive(keyOf(seed), "draw");
  const { features, labels } = clouds(8 * C, C, key, "train");
  const headOn = (rows: readonly number[]) =>
    fitHead(
      pick(features, rows),
      { kind: "classes", labels: rows.map((n) => labels[n]!) },
      { numLabels: C, inverseL2: 10, tolerance: 1e-3 },
    );
  const examples = rowsOf(labels);
  const divided = foldsOf(examples, { ...sequence, folds }, derive(key, "folds"));
  const held = await crossValidate(divided, async (train) => {
    const head = headOn(train);
    return (rows) => headLogits(pick(features, rows), head).map((logits) => ({ rows: [logits] }));
  });
  const all = crossValidated(examples, divided, held, { isWhole: false });
  const more = clouds(1_000, C, key, "test");
  const answers = headLogits(more.features, headOn([...labels.keys()])).map(argmax);
  const right = answers.filter((answer, n) => answer === more.labels[n]).length;
  return { all, evaluation: assessFolds(decoderOf(C), all), accuracy: right / 1_000 };
}

const contains = ({ score }: Evaluation, accuracy: number): boolean =>
  score.low <= accuracy && accuracy <= score.high;

describe("the interval of a score by cross-validation", () => {
  test.each([
    { C: 2, folds: 4, least: 55 },
    { C: 6, folds: 4, least: 55 },
    { C: 6, folds: 8, least: 55 },
  ])(
    "contains the accuracy on new texts in at least $least of 60 draws: $C classes, 8 rows each, $folds folds",
    async ({ C, folds, least }) => {
      let inside = 0;
      for (let seed = 0; seed < 60; seed++) {
        const { evaluation, accuracy } = await evaluated(C, folds, seed);
        inside += contains(evaluation, accuracy) ? 1 : 0;
      }
      expect(inside).toBeGreaterThanOrEqual(least);
    },
  );

  test("is wider than that of as many evaluation rows", async () => {
    const { all, evaluation } = await evaluated(6, 4, 1);
    const usual = assess(decoderOf(6), all.examples, all.logits).score;
    expect(evaluation.score.value).toBe(usual.value);
    expect(evaluation.score.high - evaluation.score.low).toBeGreaterThan(usual.high - usual.low);
  });

  test("does not say that a task without a mistake is perfect", () => {
    const examples = rowsOf([0, 1, 0, 1, 0, 1, 0, 1]);
    const logits = examples.map((_, n) => ({ rows: [Float32Array.from([n % 2 ? -9 : 9, 0])] }));
    const foldOf = examples.map((_, n) => n % 4);
    const { score } = assessFolds(decoderOf(2), { how: { of: 4 }, examples, logits, foldOf });
    expect(score.value).toBe(1);
    expect(score.high).toBe(1);
    // Wilson: n / (n + 1.96^2) with n = 8 / (1.5 * 4 / 3).
    expect(score.low).toBeCloseTo(0.5101, 4);
  });

  test("of a correlation lies between -1 and 1", () => {
    const values = [1, 2, 3, 4, 5, 6, 7, 8];
    const examples = values.map((value) => ({ text: `${value}`, labels: [`${value}`], words: [] }));
    const logits = values.map((value) => ({ rows: [Float32Array.of(value + (value % 3))] }));
    const decoder = decoderOf(1, { problem_type: "regression" });
    const foldOf = values.map((n) => n % 4);
    const { score } = assessFolds(decoder, { how: { of: 4 }, examples, logits, foldOf });
    expect(score.low).toBeGreaterThan(-1);
    expect(score.low).toBeLessThan(score.value);
    expect(score.high).toBeLessThanOrEqual(1);
  });
});

test("scores stand beside the rows that they are of", () => {
  const train = rowsOf([0, 1, 0]);
  const logits = [{ rows: [Float32Array.of(2, 0)] }, { rows: [Float32Array.of(0, 0)] }];
  const decoder = decoderOf(2, { temperature: 2 });
  const examples = [train[2]!, train[0]!];
  const scores = scoresByRow(decoder, train, { examples, logits });
  expect([...scores[0]!]).toEqual([0.5, 0.5]);
  expect(scores[1]).toBeNull();
  // 1 / (1 + exp(-2 / 2))
  expect(scores[2]![0]).toBeCloseTo(0.731059, 5);
});

test("thresholds of a row are those that suit the rows of other folds", () => {
  // Scores without any relation to the truth: thresholds that were fitted on the rows themselves do
  // better than any can on new ones.
  const noise = normals(keyOf(5), 2 * 40);
  const truth = normals(keyOf(6), 2 * 40).map((value) => (value > 0.8 ? 1 : 0));
  const labels = ["label 0", "label 1"];
  const examples: Example[] = Array.from({ length: 40 }, (_, n) => ({
    text: `text ${n}`,
    labels: labels.filter((_, c) => truth[2 * n + c] === 1),
    words: [],
  }));
  const logits = examples.map((_, n) => ({ rows: [noise.slice(2 * n, 2 * n + 2)] }));
  const decoder = decoderOf(2, { problem_type: "multi_label_classification" });
  const calibrated = { ...decoder, ...calibrate(decoder, examples, logits) };
  const foldOf = examples.map((_, n) => n % 5);
  const own = assess(calibrated, examples, logits).score.value;
  const others = assessFolds(calibrated, { how: { of: 5 }, examples, logits, foldOf });
  expect(others.score.value).toBeLessThan(own);
});
