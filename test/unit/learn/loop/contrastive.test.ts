/**
 * The contrastive objective: its loss and gradient against PyTorch's, which rows are pairs, and which
 * rows meet in a batch.
 */
import { describe, expect, test } from "vitest";
import { contrastiveLoss } from "../../../../src/learn/loop/contrastive.ts";
import { contrastiveBatches } from "../../../../src/learn/loop/contrastive-batches.ts";
import { pairWeights } from "../../../../src/learn/loop/pairs.ts";
import { keyOf, uniforms } from "../../../../src/learn/random.ts";

const rows = (...labels: number[][]) => labels.map((own) => ({ labels: Int32Array.from(own) }));

function lossOf(features: readonly number[], hidden: number, labels: readonly number[][]) {
  const pairs = pairWeights(rows(...labels));
  const { loss, gradient } = contrastiveLoss(Float32Array.from(features), pairs, hidden);
  return { loss, grad: [...gradient] };
}

describe("the contrastive loss", () => {
  // torch 2.15, float64: u = normalize(x); -mean over anchors of the mean over their pairs of
  // log_softmax(u u' / 0.1 without the diagonal). The row of label 2 has no pair.
  const FEATURES = [
    0.5, -1, 2, 0.25, 1, 0, 1.5, -0.5, -0.75, 0.5, 0.25, 1, -1, 1, 0, 0.5, 0.25, 0.75, -1.25, 2, 0,
    -0.5, 1, 0.125,
  ];
  const LABELS = [[0], [0], [1], [1], [2], [0]];
  const GRADIENT = [
    -0.19668745, -0.05712967, 0.0146511, 0.04764738, 0.29620332, 0.3895267, -0.2848341, -0.26209566,
    0.04454405, -0.02388762, -0.02697149, 0.05209472, 0.0038192, 0.01624934, -0.02151553,
    -0.02486028, -0.02889509, 0.01229897, 0.01903243, 0.01089504, -0.32919126, -0.36647738,
    -0.23517155, 0.41546285,
  ];

  test("and its gradient equal PyTorch's", () => {
    const { loss, grad } = lossOf(FEATURES, 4, LABELS);
    expect(loss).toBeCloseTo(0.6984928458371515, 7);
    for (const [i, value] of GRADIENT.entries()) expect(grad[i]).toBeCloseTo(value, 7);
  });

  test("is 0 and moves nothing where no two rows share a label", () => {
    const { loss, grad } = lossOf(FEATURES, 4, [[0], [1], [2], [3], [4], [5]]);
    expect(loss).toBeCloseTo(0, 12);
    expect(grad.every((value) => value === 0)).toBe(true);
  });

  test("is finite where all rows share a label, and where features are 0", () => {
    const { loss, grad } = lossOf(
      Array.from({ length: 24 }, () => 0),
      4,
      LABELS.map(() => [0]),
    );
    expect(loss).toBeCloseTo(Math.log(5), 5);
    expect(grad.every(Number.isFinite)).toBe(true);
  });
});

describe("pairs", () => {
  const weightsOf = (...labels: number[][]) => [...pairWeights(rows(...labels))];

  test("are rows with the same label; every row that has one weighs the same", () => {
    const third = 1 / 3;
    expect(weightsOf([0], [0], [0], [1])).toEqual(
      [0, third / 2, third / 2, 0, third / 2, 0, third / 2, 0, third / 2, third / 2, 0, 0]
        .concat([0, 0, 0, 0])
        .map(Math.fround),
    );
  });

  test("of rows with several labels weigh by the share of the labels that both have", () => {
    // Row 0 has one of two labels in common with row 1 and two of three with row 2.
    const [, first, second] = weightsOf([0, 1], [1], [0, 1, 2], [5]);
    expect(second! / first!).toBeCloseTo(2 / 3 / (1 / 2), 5);
  });

  test("leave out labels that are not in the list", () => {
    expect(weightsOf([-100], [-100], [0], [0])[1]).toBe(0);
  });
});

describe("contrastive batches", () => {
  const drawn = (seed: number) => {
    const random = uniforms(keyOf(seed));
    const labels = Array.from({ length: 40 + Math.floor(300 * random()) }, () =>
      Math.floor(60 * random() ** 2),
    );
    return { labels, batchSize: 8 + Math.floor(60 * random()) };
  };

  test.each(Array.from({ length: 20 }, (_, seed) => seed))(
    "have every row once, and two of a label where there are two (seed %i)",
    (seed) => {
      const { labels, batchSize } = drawn(seed);
      const batches = contrastiveBatches(labels, batchSize, keyOf(seed));
      expect(batches.flat().sort((a, b) => a - b)).toEqual(labels.map((_, row) => row));
      const countOf = (label: number, list: readonly number[]) =>
        list.filter((row) => labels[row] === label).length;
      const all = labels.map((_, row) => row);
      for (const batch of batches) {
        for (const row of batch) {
          const label = labels[row]!;
          if (countOf(label, all) > 1) expect(countOf(label, batch)).toBeGreaterThan(1);
        }
        expect(batch.length).toBeLessThan(batchSize + 8);
      }
    },
  );

  test("are one batch where all rows fit", () => {
    expect(contrastiveBatches([0, 1, 0, 1], 64, keyOf(0))).toEqual([[0, 1, 2, 3]]);
  });
});
