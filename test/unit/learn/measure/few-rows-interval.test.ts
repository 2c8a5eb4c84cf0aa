/**
 * Intervals of few evaluation rows contain the score on endlessly many rows about as often as they say,
 * for metrics that are no shares of rows, too. Rows are drawn from distributions whose true score is
 * known, with fixed seeds. Accuracy is compared with Wilson's interval itself (scores.test.ts).
 */
import { expect, test } from "vitest";
import { intervalsOf } from "../../../../src/learn/measure/metrics.ts";
import { derive, keyOf, normals, uniforms } from "../../../../src/learn/random.ts";

const DRAWS = 40;
const ROWS = 20;

/** How many of the draws have an interval around the true score. */
function countInside(score: number, intervalOf: (draw: number) => { low: number; high: number }) {
  return Array.from({ length: DRAWS }, (_, draw) => intervalOf(draw)).filter(
    ({ low, high }) => low <= score && score <= high,
  ).length;
}

test("of Spearman's correlation", () => {
  const r = 0.7;
  // Spearman's correlation of two normal variables whose Pearson correlation is r.
  const truth = (6 / Math.PI) * Math.asin(r / 2);
  const inside = countInside(truth, (draw) => {
    const z = normals(derive(keyOf(draw), "numbers"), 2 * ROWS);
    const first = Array.from({ length: ROWS }, (_, row) => z[2 * row]!);
    const second = first.map((x, row) => r * x + Math.sqrt(1 - r * r) * z[2 * row + 1]!);
    return intervalsOf({ kind: "regression", truth: first, predicted: second }, keyOf(1))[
      "spearman"
    ]!;
  });
  expect(inside).toBeGreaterThanOrEqual(36);
});

test("of micro F1", () => {
  const labels = ["a", "b", "c"];
  // A label is true of 40 % of the rows, and answered wrongly in 20 % of all cases.
  const [hits, missed, made] = [0.4 * 0.8, 0.4 * 0.2, 0.6 * 0.2];
  const inside = countInside((2 * hits) / (2 * hits + missed + made), (draw) => {
    const random = uniforms(derive(keyOf(draw), "sets"));
    const truth = Array.from({ length: ROWS }, () => labels.filter(() => random() < 0.4));
    const predicted = truth.map((is) =>
      labels.filter((label) => is.includes(label) !== random() < 0.2),
    );
    return intervalsOf({ kind: "multi-label", labels, truth, predicted }, keyOf(1))["micro_f1"]!;
  });
  expect(inside).toBeGreaterThanOrEqual(36);
});
