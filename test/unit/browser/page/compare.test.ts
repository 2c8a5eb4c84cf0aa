/** Answers of two machines beside each other. */
import { describe, expect, it } from "vitest";
import { compare, differenceLine } from "../../../../src/browser/page/compare.ts";

const labels = (...scores: readonly (readonly [string, number])[]) =>
  scores.map(([label, score]) => ({ label, score }));
const entity = (group: string, start: number, score: number) => ({
  entity_group: group,
  score,
  word: "x",
  start,
  end: start + 1,
});

describe("two answers", () => {
  it.each([
    ["equal to the bit", labels(["a", 0.75], ["b", 0.25]), labels(["a", 0.75], ["b", 0.25]), 0],
    ["with other scores", labels(["a", 0.75], ["b", 0.25]), labels(["a", 0.5], ["b", 0.5]), 0.25],
    [
      "with lesser labels in another order",
      labels(["a", 0.5], ["b", 0.25], ["c", 0.125]),
      labels(["a", 0.5], ["c", 0.25], ["b", 0.125]),
      0.125,
    ],
    ["without labels", [], [], 0],
  ])("%s are the same answer", (_, a, b, scores) => {
    expect(compare("sequence", a, b)).toEqual({ kind: "same", scores });
  });

  it.each([
    ["another best label", labels(["a", 0.6], ["b", 0.4]), labels(["b", 0.6], ["a", 0.4])],
    ["fewer labels", labels(["a", 0.6], ["b", 0.4]), labels(["a", 0.6])],
  ])("with %s differ", (_, a, b) => {
    expect(compare("sequence", a, b)).toEqual({ kind: "different" });
  });

  it("of entities are the same where those stand at the same places", () => {
    const found = [entity("LOC", 1, 0.5), entity("PER", 3, 0.5)];
    const other = [entity("LOC", 1, 0.5), entity("PER", 3, 0.25)];
    expect(compare("token", found, other)).toEqual({ kind: "same", scores: 0.25 });
    expect(compare("token", found, [entity("LOC", 1, 0.5), entity("PER", 4, 0.5)])).toEqual({
      kind: "different",
    });
    expect(compare("token", found, found.slice(1))).toEqual({ kind: "different" });
  });
});

it.each([
  [{ kind: "same", scores: 0 } as const, "The same answer, to the last bit."],
  [
    { kind: "same", scores: 0.00000031 } as const,
    "The same answer; scores differ by 3.1e-7 at most.",
  ],
  [{ kind: "different" } as const, "The two answers differ."],
])("%j is told in words", (difference, line) => {
  expect(differenceLine(difference)).toBe(line);
});
