/** Logits -> labels: expected values by the definitions of softmax and sigmoid, defaults as Hugging Face's. */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { classify, defaultFunction, scoresOf, softmax } from "../../../../src/core/model/decode.ts";
import type { ProblemType } from "../../../../src/core/model/task.ts";

const single = (labels: string[], temperature = 1) => ({
  problem_type: "single_label_classification" as const,
  labels,
  temperature,
  thresholds: null,
  other: null,
});
const multi = (labels: string[], thresholds: number[] | null, temperature = 1) => ({
  problem_type: "multi_label_classification" as const,
  labels,
  temperature,
  thresholds,
  other: null,
});
const float32 = fc.float({ noNaN: true, noDefaultInfinity: true });

describe("softmax", () => {
  test("is e^x / sum of e^x", () => {
    const [a, b, c] = softmax(Float32Array.of(1, 2, 3));
    const sum = Math.exp(1) + Math.exp(2) + Math.exp(3);
    expect(a).toBeCloseTo(Math.exp(1) / sum, 14);
    expect(b).toBeCloseTo(Math.exp(2) / sum, 14);
    expect(c).toBeCloseTo(Math.exp(3) / sum, 14);
  });

  test("sums to 1 and keeps the order for any finite logits and temperature", () => {
    fc.assert(
      fc.property(
        fc.array(float32, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(0.01, 0.5, 1, 7, 100),
        (values, temperature) => {
          const logits = Float32Array.from(values);
          const scores = softmax(logits, temperature);
          expect(scores.reduce((x, y) => x + y, 0)).toBeCloseTo(1, 9);
          for (let i = 1; i < logits.length; i++) {
            if (logits[i]! >= logits[i - 1]!)
              expect(scores[i]).toBeGreaterThanOrEqual(scores[i - 1]!);
          }
        },
      ),
      { seed: 1 },
    );
  });

  test("a temperature divides the logits", () => {
    expect(softmax(Float32Array.of(2, 6), 2)).toEqual(softmax(Float32Array.of(1, 3)));
  });
});

describe("scoresOf", () => {
  test("sigmoid is 1 / (1 + e^-x), by label, at any size", () => {
    const scores = scoresOf(Float32Array.of(0, 2, -1e30, 1e30), "sigmoid", 2);
    expect([...scores]).toEqual([0.5, 1 / (1 + Math.exp(-1)), 0, 1]);
  });

  test("none is the logits, whatever the temperature", () => {
    expect([...scoresOf(Float32Array.of(-3, 7), "none", 9)]).toEqual([-3, 7]);
  });
});

// transformers' TextClassificationPipeline.postprocess, function_to_apply not given.
test.each<[ProblemType, number, string]>([
  ["single_label_classification", 2, "softmax"],
  ["single_label_classification", 1, "sigmoid"],
  ["multi_label_classification", 3, "sigmoid"],
  ["multi_label_classification", 1, "sigmoid"],
  ["regression", 1, "none"],
  ["regression", 2, "none"],
])("%s with %i labels is decoded by %s", (problem_type, count, expected) => {
  expect(
    defaultFunction({ problem_type, labels: Array.from({ length: count }, (_, i) => `l${i}`) }),
  ).toBe(expected);
});

describe("classify", () => {
  test("gives all labels, best first", () => {
    const found = classify(Float32Array.of(0, 2, 1), single(["a", "b", "c"]));
    expect(found.map(({ label }) => label)).toEqual(["b", "c", "a"]);
    expect(found[0]!.score).toBeCloseTo(Math.exp(2) / (1 + Math.exp(1) + Math.exp(2)), 12);
  });

  test("ties keep the manifest's order", () => {
    const found = classify(Float32Array.of(1, 5, 1, 5, 1), single(["e", "d", "c", "b", "a"]));
    expect(found.map(({ label }) => label)).toEqual(["d", "b", "e", "c", "a"]);
  });

  test("top_k cuts, and more than there is, is all", () => {
    const logits = Float32Array.of(0, 2, 1);
    expect(classify(logits, single(["a", "b", "c"]), { top_k: 1 })).toHaveLength(1);
    expect(classify(logits, single(["a", "b", "c"]), { top_k: 50 })).toHaveLength(3);
    expect(classify(logits, single(["a", "b", "c"]), { top_k: undefined })).toHaveLength(3);
  });

  test("a function that the caller names goes before the default, the manifest's temperature is used", () => {
    expect(
      classify(Float32Array.of(4, 0), single(["a", "b"], 4), { function_to_apply: "sigmoid" }),
    ).toEqual([
      { label: "a", score: 1 / (1 + Math.exp(-1)) },
      { label: "b", score: 0.5 },
    ]);
    expect(
      classify(Float32Array.of(4, 5), single(["a", "b"], 4), { function_to_apply: "none" })[0],
    ).toEqual({ label: "b", score: 5 });
  });
});

describe("a multi-label task", () => {
  // Logits of probability 0.88, 0.5 and 0.12.
  const logits = Float32Array.of(2, 0, -2);
  const labels = ["a", "b", "c"];
  const said = (...found: ReturnType<typeof classify>) => found.map(({ label }) => label);

  test("without thresholds answers all labels with independent probabilities, as Hugging Face's pipeline", () => {
    const found = classify(logits, multi(labels, null));
    expect(found.map(({ label }) => label)).toEqual(labels);
    expect(found[0]!.score).toBeCloseTo(1 / (1 + Math.exp(-2)), 14);
    expect(found[2]!.score).toBeCloseTo(1 / (1 + Math.exp(2)), 14);
  });

  test.each([
    [
      [0.5, 0.5, 0.5],
      ["a", "b"],
    ],
    [
      [0.9, 0.5, 0.1],
      ["b", "c"],
    ],
    [
      [0, 0, 0],
      ["a", "b", "c"],
    ],
    [[1, 1, 1], []],
  ])("with thresholds %j answers the labels that reach their own: %j", (thresholds, expected) => {
    expect(said(...classify(logits, multi(labels, thresholds)))).toEqual(expected);
  });

  test("compares calibrated probabilities with its thresholds", () => {
    // 2 / 4 has probability 0.62, under the threshold that 2 would reach.
    expect(said(...classify(logits, multi(labels, [0.7, 0.6, 0.6], 4)))).toEqual([]);
  });

  test("whose caller chooses another rule applies no thresholds", () => {
    const task = multi(labels, [1, 1, 1]);
    expect(said(...classify(logits, task, { top_k: 2 }))).toEqual(["a", "b"]);
    expect(said(...classify(logits, task, { function_to_apply: "none" }))).toEqual(labels);
    expect(said(...classify(logits, task, { function_to_apply: "softmax" }))).toEqual(labels);
    expect(said(...classify(logits, task, { function_to_apply: "sigmoid" }))).toEqual([]);
  });
});

test("thresholds of a task that is not multi-label mean nothing", () => {
  const task = { ...single(["a", "b"]), thresholds: [1, 1] };
  expect(classify(Float32Array.of(1, 0), task)).toHaveLength(2);
});

test("a regression answers its raw numbers, untouched by the temperature", () => {
  const task = {
    problem_type: "regression" as const,
    labels: ["stars"],
    temperature: 3,
    thresholds: null,
    other: null,
  };
  expect(classify(Float32Array.of(3.5), task)).toEqual([{ label: "stars", score: 3.5 }]);
});
