/**
 * Heads as scikit-learn fits them, the properties of a minimum, and rows from which other fits fail.
 *
 * Expected weights: scikit-learn 1.9.1 with numpy 2.4.6, LogisticRegression(C, tol=1e-12) and
 * Ridge(alpha=1 / C) on the features below as float32, divided by their mean norm; the weights times
 * that factor.
 */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { softmax } from "../../../../src/core/model/decode.ts";
import { fitHead, headLogits } from "../../../../src/learn/head/fit-head.ts";
import type { FeatureRows, FittedHead } from "../../../../src/learn/head/fit-head.ts";
import type { HeadTargets } from "../../../../src/learn/head/losses.ts";
import { argmax } from "../../../../src/learn/measure/answers.ts";
import { keyOf, normals, permutation } from "../../../../src/learn/random.ts";

const [ROWS, HIDDEN] = [12, 4];
const small: FeatureRows = {
  hidden: HIDDEN,
  data: Float32Array.from({ length: ROWS * HIDDEN }, (_, i) => {
    const [n, h] = [Math.floor(i / HIDDEN), i % HIDDEN];
    return Math.sin(1 + 1.7 * n + 2.3 * h) + (n % 3 === h ? 0.8 : 0) + 0.5;
  }),
};
/** Uneven: 6, 4 and 2 rows. */
const labels = Array.from({ length: ROWS }, (_, n) => (n === 5 || n === 11 ? 0 : n % 3));
const classes: HeadTargets = { kind: "classes", labels };

/** Sums of normal noise and a mean of the class, with a part that all rows share. */
function clouds(rows: number, hidden: number, C: number, seed = 1) {
  const means = normals(keyOf(seed), C * hidden, 0.7);
  const noise = normals(keyOf(seed + 1), rows * hidden);
  const labels = Array.from({ length: rows }, (_, n) => n % C);
  const data = noise.map((value, i) => {
    const h = i % hidden;
    return 1 + value + means[labels[Math.floor(i / hidden)]! * hidden + h]!;
  });
  return { features: { data, hidden }, labels };
}

const pickRows = ({ data, hidden }: FeatureRows, order: ArrayLike<number>): FeatureRows => ({
  hidden,
  data: Float32Array.from(
    Array.from(order).flatMap((n) => [...data.subarray(n * hidden, (n + 1) * hidden)]),
  ),
});

function expectClose(actual: ArrayLike<number>, expected: readonly number[], digits = 4): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, digits);
}

/**
 * The largest element of inverseL2 * sum (p - y) x + weight, the gradient of what fit-head.ts says is
 * minimized, over features divided by their mean norm; as a share of the rows' part of it.
 */
function largestSlope(
  { data, hidden }: FeatureRows,
  labels: readonly number[],
  head: FittedHead,
  inverseL2: number,
): number {
  const logits = headLogits({ data, hidden }, head);
  const rowOf = (n: number) => data.subarray(n * hidden, (n + 1) * hidden);
  const norm = labels.reduce((sum, _, n) => sum + Math.hypot(...rowOf(n)), 0) / labels.length;
  let most = 0;
  for (let c = 0; c < head.bias.length; c++) {
    for (let h = 0; h < hidden; h++) {
      let slope = head.weight[c * hidden + h]! * norm;
      for (const [n, row] of logits.entries()) {
        const share = softmax(row, 1)[c]! - (labels[n] === c ? 1 : 0);
        slope += (inverseL2 * share * rowOf(n)[h]!) / norm;
      }
      most = Math.max(most, Math.abs(slope) / (inverseL2 * labels.length));
    }
  }
  return most;
}

const answersOf = (features: FeatureRows, head: FittedHead): number[] =>
  headLogits(features, head).map(argmax);

const isFinite = ({ weight, bias }: FittedHead): boolean =>
  [...weight, ...bias].every(Number.isFinite);

const exact = { tolerance: 1e-8 };

describe("scikit-learn's weights", () => {
  test.each([
    {
      name: "multinomial, C 1",
      options: { inverseL2: 1 },
      weight: [
        0.14966, -0.12061, -0.1005, -0.09058, -0.04084, 0.26279, -0.16667, 0.14028, -0.10883,
        -0.14218, 0.26717, -0.0497,
      ],
      bias: [0.63432, -0.03224, -0.60208],
    },
    {
      name: "multinomial, C 50",
      options: { inverseL2: 50 },
      weight: [
        0.25373, -1.7275, -1.99555, -1.56894, 0.98382, 2.22098, 0.91615, 0.55244, -1.23755,
        -0.49348, 1.0794, 1.0165,
      ],
      bias: [4.24511, -3.2423, -1.00281],
    },
    {
      name: "multinomial, C 5, classes balanced",
      options: { inverseL2: 5, balance: 1 },
      weight: [
        0.38546, -0.2212, -0.47875, -0.4415, 0.03067, 0.62459, -0.28469, 0.34121, -0.41613,
        -0.40339, 0.76344, 0.10029,
      ],
      bias: [0.70696, -0.38588, -0.32108],
    },
  ])("$name", ({ options, weight, bias }) => {
    const head = fitHead(small, classes, { numLabels: 3, ...options, ...exact });
    expectClose(head.weight, weight);
    expectClose(head.bias, bias);
  });

  test("one logistic regression a label, C 5", () => {
    const hits = Array.from({ length: ROWS }, (_, n) => [n % 2 === 0 ? 1 : 0, n % 3 === 0 ? 1 : 0]);
    const head = fitHead(
      small,
      { kind: "sets", hits: hits.flat() },
      { numLabels: 2, inverseL2: 5, ...exact },
    );
    expectClose(
      head.weight,
      [-0.12167, 0.12375, -0.07591, 0.01648, 0.66406, -0.16449, -0.83851, -0.8878],
    );
    expectClose(head.bias, [0.05162, -0.05492]);
  });

  test("ridge regression, alpha 1 / 5", () => {
    const values = Array.from({ length: ROWS }, (_, n) => Math.cos(n));
    const head = fitHead(
      small,
      { kind: "values", values },
      { numLabels: 1, inverseL2: 5, ...exact },
    );
    expectClose(head.weight, [0.14407, -0.07569, -0.02713, 0.04211]);
    expectClose(head.bias, [-0.10124]);
  });
});

describe("a minimum", () => {
  const { features, labels } = clouds(60, 16, 5);
  const head = fitHead(features, { kind: "classes", labels }, { numLabels: 5, ...exact });

  test("has no slope in the biases: each class is expected as often as it occurs", () => {
    const expected = new Float64Array(5);
    for (const row of headLogits(features, head)) {
      const exps = row.map(Math.exp);
      const total = exps.reduce((a, b) => a + b);
      for (const [c, value] of exps.entries()) expected[c]! += value / total;
    }
    expectClose(expected, [12, 12, 12, 12, 12]);
  });

  test("has no slope in the weights either, whatever the rows", () => {
    const shapes = fc.record({
      rows: fc.integer({ min: 3, max: 25 }),
      hidden: fc.integer({ min: 1, max: 6 }),
      C: fc.integer({ min: 2, max: 4 }),
      inverseL2: fc.constantFrom(0.1, 1, 30),
      seed: fc.nat(1_000),
    });
    fc.assert(
      fc.property(shapes, ({ rows, hidden, C, inverseL2, seed }) => {
        const { features, labels } = clouds(Math.max(rows, C), hidden, C, seed);
        const options = { numLabels: C, inverseL2, ...exact };
        const head = fitHead(features, { kind: "classes", labels }, options);
        expect(largestSlope(features, labels, head, inverseL2)).toBeLessThan(1e-4);
      }),
      { numRuns: 30 },
    );
  });

  test("is the same for rows in another order", () => {
    const order = permutation(keyOf(9), labels.length);
    const other = fitHead(
      pickRows(features, order),
      { kind: "classes", labels: Array.from(order, (n) => labels[n]!) },
      { numLabels: 5, ...exact },
    );
    expectClose(other.weight, [...head.weight]);
    expectClose(other.bias, [...head.bias]);
  });

  test("is the same for larger features, with smaller weights", () => {
    const larger = { ...features, data: features.data.map((value) => value * 1000) };
    const other = fitHead(larger, { kind: "classes", labels }, { numLabels: 5, ...exact });
    expectClose(
      other.weight.map((value) => value * 1000),
      [...head.weight],
    );
  });

  test("is the same to the bit for the same rows", () => {
    expect(fitHead(features, { kind: "classes", labels }, { numLabels: 5, ...exact })).toEqual(
      head,
    );
  });

  test("does not see rows without a class", () => {
    const more = pickRows(features, [...labels.keys(), 3, 7, 8]);
    const other = fitHead(
      more,
      { kind: "classes", labels: [...labels, -100, -100, -100] },
      { numLabels: 5, ...exact },
    );
    expectClose(other.weight, [...head.weight]);
  });
});

describe("few and odd rows", () => {
  test("a class with one row is learned", () => {
    const { features } = clouds(9, 16, 3);
    const labels = [0, 1, 0, 1, 0, 1, 0, 1, 2];
    const head = fitHead(features, { kind: "classes", labels }, { numLabels: 3, inverseL2: 100 });
    expect(answersOf(features, head)).toEqual(labels);
  });

  test("a class without a row is never answered", () => {
    const { features } = clouds(20, 8, 2);
    const labels = Array.from({ length: 20 }, (_, n) => (n % 2) * 2);
    const head = fitHead(features, { kind: "classes", labels }, { numLabels: 4 });
    expect(isFinite(head)).toBe(true);
    const far = { ...features, data: features.data.map((value) => value * -100) };
    expect(new Set([...answersOf(features, head), ...answersOf(far, head)])).toEqual(
      new Set([0, 2]),
    );
  });

  test("rows that all share a class make a constant answer", () => {
    const { features } = clouds(8, 8, 2);
    const labels = new Int32Array(8).fill(1);
    const head = fitHead(features, { kind: "classes", labels }, { numLabels: 3 });
    expect(new Set(answersOf(features, head))).toEqual(new Set([1]));
    expect(head.iterations).toBe(0);
  });

  test("labels that are true of all rows, or of none, get a constant answer", () => {
    const { features } = clouds(8, 8, 2);
    const hits = Array.from({ length: 8 }, (_, n) => [1, n % 2, 0]).flat();
    const head = fitHead(features, { kind: "sets", hits }, { numLabels: 3, inverseL2: 100 });
    expect(
      headLogits(features, head)
        .map((row) => [...row].map((logit) => Number(logit > 0)))
        .flat(),
    ).toEqual(hits);
    expect(head.bias[0]).toBeCloseTo(Math.log(17), 5);
    expect(head.bias[2]).toBeCloseTo(-Math.log(17), 5);
  });

  test("equal rows with different classes end at even odds", () => {
    const features = { hidden: 2, data: new Float32Array(8).fill(1) };
    const head = fitHead(features, { kind: "classes", labels: [0, 1, 0, 1] }, { numLabels: 2 });
    const [first, second] = headLogits(features, head)[0]!;
    expect(first).toBeCloseTo(second!, 6);
  });

  test("features of zeros leave the shares of the classes", () => {
    const features = { hidden: 3, data: new Float32Array(12) };
    const head = fitHead(
      features,
      { kind: "classes", labels: [0, 0, 0, 1] },
      { numLabels: 2, ...exact },
    );
    expect(head.bias[0]! - head.bias[1]!).toBeCloseTo(Math.log(3), 4);
  });

  test("no rows, and rows without any class, make a head of zeros", () => {
    const none = { hidden: 3, data: new Float32Array(0) };
    expect([...fitHead(none, { kind: "classes", labels: [] }, { numLabels: 2 }).weight]).toEqual([
      0, 0, 0, 0, 0, 0,
    ]);
    const head = fitHead(
      small,
      { kind: "classes", labels: labels.map(() => -1) },
      { numLabels: 3 },
    );
    expect(isFinite(head)).toBe(true);
  });

  test("rows that are separable without end converge under hardly any penalty", () => {
    const { features, labels } = clouds(12, 64, 3);
    const head = fitHead(features, { kind: "classes", labels }, { numLabels: 3, inverseL2: 1e6 });
    expect(isFinite(head)).toBe(true);
    expect(head.iterations).toBeLessThan(500);
    expect(answersOf(features, head)).toEqual(labels);
  });

  test("features that are not finite are refused", () => {
    const features = { hidden: 2, data: new Float32Array([1, NaN, 0, 1]) };
    expect(() => fitHead(features, { kind: "classes", labels: [0, 1] }, { numLabels: 2 })).toThrow(
      expect.objectContaining({ code: "training-diverged" }),
    );
  });
});

test("tags of some thousand words are fitted in a few dozen steps", () => {
  const { features, labels } = clouds(1_500, 96, 15);
  const rare = labels.map((label, n) => (n % 3 === 0 ? label : 0));
  const head = fitHead(
    features,
    { kind: "classes", labels: rare },
    { numLabels: 15, inverseL2: 10, balance: 0.5 },
  );
  expect(head.iterations).toBeLessThan(60);
});

test("a row with shares counts as rows of each label in that proportion", () => {
  const quarters = labels.map((label) => [label, label, label, (label + 1) % 3]);
  const shares = quarters.flatMap((own) =>
    [0, 1, 2].map((c) => own.filter((label) => label === c).length / 4),
  );
  const soft = fitHead(small, { kind: "shares", shares }, { numLabels: 3, inverseL2: 4 });
  const repeated = Array.from({ length: 4 * ROWS }, (_, i) => Math.floor(i / 4));
  const hard = { kind: "classes", labels: quarters.flat() } as const;
  const same = fitHead(pickRows(small, repeated), hard, { numLabels: 3, inverseL2: 1 });
  expectClose(soft.weight, [...same.weight]);
  expectClose(soft.bias, [...same.bias]);
});

test("a label without a share in any row is never the answer", () => {
  const shares = labels.flatMap((label) => (label === 0 ? [0.9, 0, 0.1] : [0.2, 0, 0.8]));
  const head = fitHead(small, { kind: "shares", shares }, { numLabels: 3 });
  expect(head.weight.subarray(HIDDEN, 2 * HIDDEN)).toEqual(new Float32Array(HIDDEN));
  expect(head.bias[1]).toBeCloseTo(-Math.log(2 * ROWS + 1), 6);
});
