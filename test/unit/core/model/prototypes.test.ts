/** How familiar a text is, and what follows from it for the answer. */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { classify, labelScores } from "../../../../src/core/model/decode.ts";
import { familiarity, prototypesOf } from "../../../../src/core/model/prototypes.ts";

describe("familiarity", () => {
  // The rows are (3, 4) / 5 and (0, -1), times 127 and rounded.
  const prototypes = prototypesOf(Int8Array.of(76, 102, 0, -127), 2);

  test("is the cosine with the nearest prototype", () => {
    expect(familiarity(Float32Array.of(6, 8), prototypes)).toBeCloseTo(1, 4);
    expect(familiarity(Float32Array.of(0, -3), prototypes)).toBe(1);
    expect(familiarity(Float32Array.of(-4, 3), prototypes)).toBeCloseTo(0, 2);
  });

  test("does not depend on the length of a state", () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.double({ min: -9, max: 9, noNaN: true }), fc.constantFrom(-2, -1, 1, 2)),
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        ([x, y], factor) => {
          const state = Float32Array.of(x, y);
          const longer = state.map((value) => value * factor);
          expect(familiarity(longer, prototypes)).toBeCloseTo(familiarity(state, prototypes), 5);
        },
      ),
    );
  });

  test("is the least there is for a state or a prototype without a direction", () => {
    expect(familiarity(Float32Array.of(0, 0), prototypes)).toBe(-1);
    expect(familiarity(Float32Array.of(1, 0), prototypesOf(Int8Array.of(0, 0), 2))).toBe(-1);
  });
});

describe("a task with a label for texts that fit none", () => {
  const task = {
    problem_type: "single_label_classification",
    labels: ["a", "b"],
    temperature: 1,
    thresholds: null,
    other: { label: "other", similarity: 0.5, spread: 0.1 },
  } as const;
  /** Logits of probability .88 and .12, then the familiarity. */
  const row = (known: number) => Float32Array.of(2, 0, known);
  const [a, b] = [1 / (1 + Math.exp(-2)), 1 / (1 + Math.exp(2))];

  test("answers a familiar text with its labels, which share what other leaves them", () => {
    const share = 1 / (1 + Math.exp(4)); // (0.9 - 0.5) / 0.1
    const found = classify(row(0.9), task);
    expect(found.map(({ label }) => label)).toEqual(["a", "b", "other"]);
    expect(found[0]!.score).toBeCloseTo(a * (1 - share), 6);
    expect(found[1]!.score).toBeCloseTo(b * (1 - share), 6);
    expect(found.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 12);
  });

  test("answers an unfamiliar text with other", () => {
    const share = 1 / (1 + Math.exp(-4)); // (0.1 - 0.5) / 0.1
    const [first] = classify(row(0.1), task, { top_k: 1 });
    expect(first!.label).toBe("other");
    expect(first!.score).toBeCloseTo(share, 6);
  });

  test("keeps the logits of its labels, and gives other its log odds, without a function", () => {
    expect([...labelScores(row(0.25), task, "none")]).toEqual([2, 0, 2.5]);
    expect(labelScores(row(0.25), task, "sigmoid")[0]).toBeCloseTo(a, 12);
  });

  test("answers nothing where nothing reaches the caller's least score", () => {
    const unsure = Float32Array.of(0, 0, 0.5);
    expect(classify(unsure, task, { min_score: 0.51 })).toEqual([]);
    expect(classify(unsure, task, { min_score: 0.5 }).map(({ label }) => label)).toEqual(["other"]);
  });
});
