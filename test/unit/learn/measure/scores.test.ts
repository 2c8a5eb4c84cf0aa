/**
 * Sets of labels, numbers, intervals and calibration against scikit-learn, scipy and torchmetrics;
 * provenance in test/golden/make_metrics.py.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { bootstrapAll, wilsonAll, quantile } from "../../../../src/learn/measure/bootstrap.ts";
import {
  fitBiases,
  fitTemperature,
  fitThresholds,
  reliabilityOf,
} from "../../../../src/learn/measure/calibration.ts";
import { calibrate } from "../../../../src/learn/measure/evaluate.ts";
import { regressionMetrics, spearman } from "../../../../src/learn/measure/correlation.ts";
import { metricsOf } from "../../../../src/learn/measure/metrics.ts";
import { keyOf, uniforms } from "../../../../src/learn/random.ts";
import { scoresOf } from "../../../../src/core/model/decode.ts";

type Row = [precision: number, recall: number, f1: number, support: number];

const golden = JSON.parse(
  readFileSync(new URL("../../../golden/scores.json", import.meta.url), "utf8"),
) as {
  multi_label: {
    labels: string[];
    truth: string[][];
    predicted: string[][];
    table: Record<string, Row>;
  } & Record<
    "micro_precision" | "micro_recall" | "micro_f1" | "macro_f1" | "subset_accuracy",
    number
  >;
  regression: { truth: number[]; predicted: number[] } & Record<
    "spearman" | "pearson" | "mean_absolute_error",
    number
  >;
  bootstrap: {
    right: number[];
    accuracy: [number, number];
    x: number[];
    y: number[];
    spearman: [number, number];
  };
  quantile: { values: number[]; shares: number[]; quantiles: number[] };
  calibration: {
    name: string;
    logits: number[][];
    truth: number[];
    temperature: number;
    ece: number;
    ece_at_2: number;
  }[];
  multi_label_calibration: {
    logits: number[][];
    truth: number[][];
    temperature: number;
    ece: number;
    best_f1: number[];
  };
};

describe("sets of labels", () => {
  test("have scikit-learn's micro and macro F1, and its table", () => {
    const { labels, truth, predicted, table, ...numbers } = golden.multi_label;
    const { labels: rows, ...found } = metricsOf({ kind: "multi-label", labels, truth, predicted });
    expect(found.rows).toBe(60);
    for (const [name, value] of Object.entries(numbers)) {
      expect((found as unknown as typeof numbers)[name as keyof typeof numbers], name).toBeCloseTo(
        value,
        12,
      );
    }
    expect(rows.map(({ label }) => label)).toEqual(labels);
    for (const { label, precision, recall, f1, support } of rows) {
      expect([precision, recall, f1, support]).toEqual(
        table[label]!.map((x) => expect.closeTo(x, 12)),
      );
    }
  });

  test("count a label that the task does not have as missed", () => {
    const found = metricsOf({
      kind: "multi-label",
      labels: ["a"],
      truth: [["a", "z"]],
      predicted: [["a"]],
    });
    expect(found).toMatchObject({ micro_recall: 0.5, subset_accuracy: 0 });
  });
});

describe("numbers", () => {
  test("correlate as in scipy, ties included", () => {
    const { truth, predicted, ...numbers } = golden.regression;
    const found = regressionMetrics(truth, predicted);
    for (const [name, value] of Object.entries(numbers)) {
      expect(found[name as keyof typeof numbers], name).toBeCloseTo(value, 12);
    }
  });

  test("that are all the same correlate with nothing", () => {
    expect(regressionMetrics([1, 2, 3], [5, 5, 5])).toMatchObject({ spearman: 0, pearson: 0 });
    expect(regressionMetrics([], [])).toMatchObject({ spearman: 0, mean_absolute_error: 0 });
  });
});

describe("an interval", () => {
  const { right, accuracy, x, y, spearman: rank } = golden.bootstrap;
  const meanOf = (values: readonly number[]) => (sample: Int32Array) => ({
    accuracy: sample.reduce((sum, row) => sum + values[row]!, 0) / sample.length,
  });

  test("of a mean is scipy's, as far as other draws allow", () => {
    const { accuracy: found } = bootstrapAll(right.length, meanOf(right), keyOf(1), {
      resamples: 20_000,
    });
    const { low, high } = found;
    expect(low).toBeCloseTo(accuracy[0], 2);
    expect(high).toBeCloseTo(accuracy[1], 2);
  });

  test("of a correlation is scipy's, as far as other draws allow", () => {
    const scores = (sample: Int32Array) => ({
      rank: spearman(
        Array.from(sample, (row) => x[row]!),
        Array.from(sample, (row) => y[row]!),
      ),
    });
    const { low, high } = bootstrapAll(x.length, scores, keyOf(1), { resamples: 4_000 }).rank;
    expect(Math.abs(low - rank[0])).toBeLessThan(0.01);
    expect(Math.abs(high - rank[1])).toBeLessThan(0.01);
  });

  test("of few right answers is Wilson's, as far as draws allow", () => {
    // statsmodels.stats.proportion.proportion_confint(count, n, method="wilson")
    const cases: [right: number, rows: number, low: number, high: number][] = [
      [8, 10, 0.4902, 0.9433],
      [10, 10, 0.7225, 1],
      [0, 20, 0, 0.1611],
      [33, 48, 0.5467, 0.8005],
    ];
    for (const [right, rows, low, high] of cases) {
      const answers = Array.from({ length: rows }, (_, row) => (row < right ? 1 : 0));
      const options = { inflation: 1, lowest: () => 0 };
      const { accuracy } = wilsonAll(rows, meanOf(answers), keyOf(1), options);
      expect(Math.abs(accuracy.low - low)).toBeLessThan(0.01);
      expect(Math.abs(accuracy.high - high)).toBeLessThan(0.01);
    }
  });

  test("of answers that depend on one another is that of as many fewer", () => {
    const answers = Array.from({ length: 20 }, () => 1);
    const options = { inflation: 2, lowest: () => 0 };
    const { accuracy } = wilsonAll(20, meanOf(answers), keyOf(1), options);
    expect(accuracy.low).toBeCloseTo(10 / (10 + 1.959964 ** 2), 6);
  });

  test("is the same for the same key, and another for another", () => {
    const interval = (seed: number) =>
      bootstrapAll(right.length, meanOf(right), keyOf(seed)).accuracy;
    expect(interval(3)).toEqual(interval(3));
    expect(interval(4)).not.toEqual(interval(3));
    expect(interval(3)).toMatchObject({ level: 0.95, resamples: 1_000 });
  });

  test("ends at numpy's quantiles", () => {
    const { values, shares, quantiles } = golden.quantile;
    const found = shares.map((share) => quantile(values, share));
    expect(found).toEqual(quantiles.map((value) => expect.closeTo(value, 12)));
  });
});

const float = (rows: number[][]) => rows.map((row) => Float32Array.from(row));

describe("calibration of one label a text", () => {
  test.each(golden.calibration)("finds scipy's temperature for a model $name", (golden) => {
    const cases = float(golden.logits).map((logits, i) => ({ logits, truth: golden.truth[i]! }));
    const temperature = fitTemperature(cases);
    expect(temperature / golden.temperature).toBeCloseTo(1, 3);
    // Single precision on torch's side.
    expect(reliabilityOf(cases, 1).ece).toBeCloseTo(golden.ece, 5);
    expect(reliabilityOf(cases, 2).ece).toBeCloseTo(golden.ece_at_2, 5);
    expect(reliabilityOf(cases, temperature).ece).toBeLessThan(golden.ece);
    const bins = reliabilityOf(cases, 1).bins;
    expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(200);
    for (const { count, confidence, low, high } of bins) {
      if (count > 0) expect(confidence > low && confidence <= high).toBe(true);
    }
  });

  test("does not sharpen scores where hardly anything was wrong", () => {
    const logits = Float32Array.from([1, 0]);
    const good = Array.from({ length: 100 }, () => ({ logits, truth: 0 }));
    expect(fitTemperature(good)).toBe(1);
    // A quarter wrong: the odds 3 to 1 are exp(1 / temperature).
    const wrong = Array.from({ length: 25 }, () => ({ logits, truth: 1 }));
    expect(fitTemperature([...good.slice(25), ...wrong])).toBeCloseTo(1 / Math.log(3), 3);
  });

  test("of a handful of rows, or of nothing, changes nothing", () => {
    const [{ logits, truth }] = golden.calibration as [(typeof golden.calibration)[0]];
    const few = float(logits.slice(0, 29)).map((row, i) => ({ logits: row, truth: truth[i]! }));
    expect(fitTemperature(few)).toBe(1);
    expect(fitTemperature([])).toBe(1);
    expect(reliabilityOf([], 1).ece).toBe(0);
  });
});

describe("a task's temperature", () => {
  const decoder = {
    type: "sequence",
    problem_type: "single_label_classification",
    labels: ["no", "yes"],
    temperature: 1,
    thresholds: null,
    other: null,
  } as const;
  /** Rows answered "yes" with this logit, of which every tenth is wrong. */
  const rows = (count: number, logit: number, isWrong: (row: number) => boolean) =>
    Array.from({ length: count }, (_, row) => ({
      logit: Float32Array.of(0, logit),
      label: isWrong(row) ? "no" : "yes",
    }));
  const calibrated = (all: ReturnType<typeof rows>) => {
    const examples = all.map(({ label }) => ({ text: "", labels: [label], words: [] }));
    const logits = all.map(({ logit }) => ({ rows: [logit] }));
    return calibrate(decoder, examples, logits).temperature;
  };

  test("is the fitted one where scores come nearer to the truth", () => {
    expect(calibrated(rows(100, 6, (row) => row % 10 === 0))).toBeCloseTo(6 / Math.log(9), 3);
  });

  test("stays 1 where the fitted one makes the calibration error larger", () => {
    // 100 rows whose scores of 90 % are right, and five confident mistakes that pull the fit away.
    const good = rows(100, Math.log(9), (row) => row % 10 === 0);
    const wild = rows(5, 20, () => true);
    expect(calibrated([...good, ...wild])).toBe(1);
  });
});

describe("biases of classes", () => {
  const random = uniforms(keyOf(3));
  /** Cases whose logits are right where both classes are equally likely; class 1 comes with `share`. */
  const casesWith = (share: number, count: number) =>
    Array.from({ length: count }, () => {
      const truth = random() < share ? 1 : 0;
      // Of two normal densities with means -1 and 1 the log ratio at x is 2 x.
      const x =
        (truth === 1 ? 1 : -1) +
        Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
      return { logits: Float32Array.of(-x, x), truth };
    });

  test("make up for classes that are rarer than they were in training", () => {
    const biases = fitBiases(casesWith(0.1, 4_000));
    expect(biases[1]! - biases[0]!).toBeCloseTo(Math.log(0.1 / 0.9), 0);
    expect(biases[1]! - biases[0]!).toBeLessThan(-1.8);
  });

  test("are next to nothing where the shares are those of training", () => {
    const biases = fitBiases(casesWith(0.5, 4_000));
    expect(Math.abs(biases[1]! - biases[0]!)).toBeLessThan(0.15);
  });

  test("stay small for a class that never comes, whose logit is low anyway", () => {
    const cases = casesWith(0.5, 200).map(({ logits, truth }) => ({
      logits: Float32Array.of(...logits, -4),
      truth,
    }));
    expect(Math.abs(fitBiases(cases)[2]!)).toBeLessThan(1);
  });

  test("stay sane where a class is confidently missed, and fit better than none", () => {
    // 40 of 10,000 words are of a class whose logit is far below: a full step would overshoot.
    const cases = Array.from({ length: 10_000 }, (_, i) => {
      const truth = i < 40 ? 2 : i < 240 ? 1 : 0;
      return { logits: Float32Array.of(3, 0, -6), truth };
    });
    const biases = fitBiases(cases);
    const loss = (shift: Float32Array): number =>
      cases.reduce((sum, { logits, truth }) => {
        const scores = scoresOf(
          logits.map((logit, c) => logit + shift[c]!),
          "softmax",
          1,
        );
        return sum - Math.log(scores[truth]!);
      }, 0);
    expect(Math.max(...biases.map(Math.abs))).toBeLessThan(10);
    expect(loss(biases)).toBeLessThan(loss(new Float32Array(3)));
  });

  test("of a handful of cases are zeros", () => {
    expect([...fitBiases(casesWith(0.1, 29))]).toEqual([0, 0]);
    expect([...fitBiases([])]).toEqual([]);
  });
});

describe("calibration of several labels a text", () => {
  const { logits, truth, temperature, ece, best_f1: bestF1 } = golden.multi_label_calibration;
  const cases = float(logits).map((row, i) => ({
    logits: row,
    truth: truth[i]!.map((value) => value === 1),
  }));

  test("finds scipy's temperature and torchmetrics' error", () => {
    expect(fitTemperature(cases) / temperature).toBeCloseTo(1, 3);
    expect(reliabilityOf(cases, 1).ece).toBeCloseTo(ece, 5);
  });

  test("finds thresholds with the best F1 that scikit-learn's curve has", () => {
    const thresholds = fitThresholds(cases, 3, temperature);
    for (const [c, threshold] of thresholds.entries()) {
      const yes = cases.map(
        ({ logits }) => scoresOf(logits, "sigmoid", temperature)[c]! >= threshold,
      );
      const hits = cases.filter(({ truth }, i) => truth[c] && yes[i]).length;
      const f1 =
        (2 * hits) / (yes.filter(Boolean).length + cases.filter(({ truth }) => truth[c]).length);
      expect(f1).toBeCloseTo(bestF1[c]!, 12);
    }
  });

  test("leaves a label that is hardly ever true at 0.5", () => {
    const rare = cases.map((item, i) => ({ ...item, truth: [i < 4, item.truth[1]!, i < 5] }));
    const thresholds = fitThresholds(rare, 3, 1);
    expect(thresholds[0]).toBe(0.5);
    expect(thresholds[2]).not.toBe(0.5);
  });
});
