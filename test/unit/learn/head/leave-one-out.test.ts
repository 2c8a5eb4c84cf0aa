/** Leave-one-out answers without refitting are those of a fit without the row. */
import { expect, test } from "vitest";
import { leaveOneOut } from "../../../../src/learn/head/leave-one-out.ts";
import { keyOf, normals } from "../../../../src/learn/random.ts";

/** Rows and numbers with a mean of their own, so that centring matters. */
const [ROWS, HIDDEN] = [20, 5];
const features = {
  hidden: HIDDEN,
  data: normals(keyOf(1), ROWS * HIDDEN).map((value) => value + 1),
};
const targets = Float64Array.from(normals(keyOf(2), ROWS * 2), (value, i) => value + (i % 2));

/**
 * Ridge regression with a bias that is not penalized, by gradient descent on all rows but one: slow, and
 * nothing of it is shared with the code under test.
 */
function withoutRow(left: number, column: number, penalty: number, scale: number): number {
  const rows = Array.from({ length: ROWS }, (_, n) => n).filter((n) => n !== left);
  const weight = new Float64Array(HIDDEN);
  let bias = 0;
  const answer = (n: number): number => {
    let sum = bias;
    for (let h = 0; h < HIDDEN; h++) sum += weight[h]! * scale * features.data[n * HIDDEN + h]!;
    return sum;
  };
  for (let step = 0; step < 20_000; step++) {
    const slope = new Float64Array(HIDDEN);
    let biasSlope = 0;
    for (const n of rows) {
      const off = answer(n) - targets[2 * n + column]!;
      biasSlope += off;
      for (let h = 0; h < HIDDEN; h++) slope[h]! += off * scale * features.data[n * HIDDEN + h]!;
    }
    for (let h = 0; h < HIDDEN; h++) weight[h]! -= 0.02 * (slope[h]! + penalty * weight[h]!);
    bias -= 0.02 * biasSlope;
  }
  return answer(left);
}

test("each row's answer is that of a fit without it", () => {
  let norms = 0;
  for (let n = 0; n < ROWS; n++) {
    norms += Math.hypot(...features.data.subarray(n * HIDDEN, (n + 1) * HIDDEN)) / ROWS;
  }
  const left = leaveOneOut(features, targets, { numLabels: 2, inverseL2: 2 });
  for (const n of [0, 7, 19]) {
    for (const column of [0, 1]) {
      expect(left[2 * n + column]).toBeCloseTo(withoutRow(n, column, 1 / 2, 1 / norms), 4);
    }
  }
});

test("a row alone is answered with a number all the same", () => {
  const one = { hidden: 2, data: Float32Array.of(1, 2) };
  const left = leaveOneOut(one, Float64Array.of(1), { numLabels: 1, inverseL2: 1 });
  expect(Number.isFinite(left[0])).toBe(true);
});
