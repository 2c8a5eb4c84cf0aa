/** Scores of labels that a request names, from vectors whose cosines are known. */
import { describe, expect, it } from "vitest";
import { cosine, scoreLabels, scoreLabelsApart } from "../../../../src/core/model/zero-shot.ts";

/** A vector of length 1 at an angle, so that the cosine of two is that of their difference. */
const at = (degrees: number): Float32Array => {
  const angle = (degrees * Math.PI) / 180;
  return Float32Array.of(Math.cos(angle), Math.sin(angle));
};

describe("labels of which one is right", () => {
  it("are scored by their cosines, times 20, in a softmax", () => {
    expect(cosine(at(0), at(60))).toBeCloseTo(0.5, 6);
    const [near, far] = scoreLabels(at(0), [at(60), at(90)]);
    expect(near! + far!).toBeCloseTo(1, 6);
    // e^(20 * .5) to e^(20 * 0)
    expect(near! / far!).toBeCloseTo(Math.exp(10), -1);
  });

  it("have finite scores that add up to 1, however many there are", () => {
    const scores = scoreLabels(
      at(0),
      Array.from({ length: 256 }, (_, i) => at(i)),
    );
    expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 6);
    expect(scores.indexOf(Math.max(...scores))).toBe(0);
  });

  it("are certain where there is but one", () => {
    expect(scoreLabels(at(0), [at(120)])).toEqual([1]);
  });
});

describe("labels that are judged apart", () => {
  it("are likely where they are nearer than what is said of any text", () => {
    const [nearer, same, farther] = scoreLabelsApart(at(0), [at(60), at(75), at(90)], at(75));
    expect(same).toBeCloseTo(0.5, 6);
    // 1 / (1 + e^(20 * (cos 75° - cos 60°)))
    const bar = Math.cos((75 * Math.PI) / 180);
    expect(nearer).toBeCloseTo(1 / (1 + Math.exp(20 * (bar - 0.5))), 5);
    expect(farther).toBeCloseTo(1 / (1 + Math.exp(20 * bar)), 5);
  });

  it("do not change by what other labels there are", () => {
    const [alone] = scoreLabelsApart(at(0), [at(60)], at(75));
    expect(scoreLabelsApart(at(0), [at(10), at(60)], at(75))[1]).toBe(alone);
  });
});
