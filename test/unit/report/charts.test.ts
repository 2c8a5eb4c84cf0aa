/** The charts of the report: is every number where a reader will look for it? */
import fc from "../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { confusionMatrix, topConfusions, sweepHeatMap } from "../../../src/report/matrices.ts";
import type { TrainingFacts } from "../../../src/report/facts.ts";
import {
  lossCurve,
  scoreCurve,
  lengthHistogram,
  reliabilityDiagram,
  regressionScatter,
} from "../../../src/report/curves.ts";
import { smoothLosses } from "../../../src/report/task-facts.ts";
import {
  linear,
  ticks,
  intervalGraphic,
  scoreGraphic,
  shareGraphic,
} from "../../../src/report/svg.ts";
import { MOOD } from "../../support/report-facts.ts";
import { points, shapes } from "../../support/svg.ts";

describe("scales and ticks", () => {
  test("a straight scale maps ends to ends, and one value to the middle", () => {
    const y = linear([0, 2], [100, 20]);
    expect([y(0), y(1), y(2)]).toEqual([100, 60, 20]);
    expect(linear([3, 3], [0, 10])(3)).toBe(5);
  });

  test.each([
    [0, 1, 5, [0, 0.5, 1]],
    [0, 1, 6, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [0.61, 0.74, 5, [0.65, 0.7]],
    [0, 4, 8, [0, 1, 2, 3, 4]],
    [-1, 1, 5, [-1, -0.5, 0, 0.5, 1]],
    [7, 7, 5, [7]],
  ])("ticks from %d to %d, at most %i, are round", (low, high, most, expected) => {
    expect(ticks(low, high, most)).toEqual(expected);
  });

  test("ticks lie within their ends and are no more than asked for", () => {
    const ends = fc.tuple(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
    );
    fc.assert(
      fc.property(ends, fc.integer({ min: 2, max: 12 }), ([low, span], most) => {
        const high = low + span;
        const found = ticks(low, high, most);
        expect(found.length).toBeLessThanOrEqual(most);
        const slack = 1e-6 * span + 1e-9 * Math.abs(low);
        for (const value of found) {
          expect(value).toBeGreaterThanOrEqual(low - slack);
          expect(value).toBeLessThanOrEqual(high + slack);
        }
      }),
    );
  });
});

describe("learning curves", () => {
  const training = MOOD.training!;

  test("draw one dot an epoch, from left to right, a higher loss higher up", () => {
    const dots = shapes(lossCurve(training), "circle", "ink");
    expect(dots.map(({ title }) => title)).toEqual([
      "epoch 1: 1.200",
      "epoch 2: 0.700",
      "epoch 3: 0.500",
      "epoch 4: 0.400",
    ]);
    const [xs, ys] = [dots.map(({ cx }) => Number(cx)), dots.map(({ cy }) => Number(cy))];
    expect(xs[1]! - xs[0]!).toBeCloseTo(xs[3]! - xs[2]!, 1);
    expect(ys).toEqual([...ys].sort((a, b) => a - b));
  });

  test("put the loss on an axis from 0, so that half the loss is half as high", () => {
    const epochs = [
      { epoch: 1, loss: 2, score: 0 },
      { epoch: 2, loss: 1, score: 0 },
    ];
    const [first, second] = shapes(lossCurve({ ...training, epochs, stepLosses: [] }), "circle");
    const [axis] = shapes(lossCurve({ ...training, epochs, stepLosses: [] }), "line", "axis");
    const floor = Number(axis!["y1"]);
    expect(floor - Number(second!["cy"])).toBeCloseTo((floor - Number(first!["cy"])) / 2, 1);
  });

  test("draw the course within epochs behind the means, on the same axes", () => {
    const chart = lossCurve(training);
    const trace = points(shapes(chart, "path", "trace")[0]!);
    expect(trace).toHaveLength(training.stepLosses!.length);
    // The last step of the run is the end of the last epoch.
    expect(trace.at(-1)![0]).toBeCloseTo(Number(shapes(chart, "circle").at(-1)!["cx"]), 1);
  });

  test("mark the best epoch once, with its score", () => {
    const chart = scoreCurve(training);
    const [best, ...more] = shapes(chart, "circle", "accent");
    expect(more).toEqual([]);
    const third = shapes(chart, "circle", "ink")[2]!;
    expect([best!["cx"], best!["cy"]]).toEqual([third["cx"], third["cy"]]);
    expect(shapes(chart, "text", "accent").map(({ content }) => content)).toEqual(["best 0.740"]);
  });

  test("stay finite for one epoch, and for scores that are all the same", () => {
    const one: TrainingFacts = { ...training, epochs: training.epochs.slice(0, 1), bestEpoch: 1 };
    const flat = {
      ...training,
      epochs: training.epochs.map((epoch) => ({ ...epoch, score: 0.5 })),
    };
    for (const facts of [one, flat]) {
      expect(`${lossCurve(facts)}${scoreCurve(facts)}`).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  test("smooth by means over as many steps as leave at most 160 points", () => {
    expect(smoothLosses([4, 2, 3, 1], 1, 2)).toEqual([
      { epoch: 0.5, loss: 4 },
      { epoch: 1, loss: 2 },
      { epoch: 1.5, loss: 3 },
      { epoch: 2, loss: 1 },
    ]);
    const many = smoothLosses(
      Array.from({ length: 1001 }, (_, i) => i),
      1,
      100,
    );
    expect(many).toHaveLength(143); // 1001 steps by sevens
    expect(many[0]).toEqual({ epoch: 0.07, loss: 3 });
    expect(many.at(-1)).toEqual({ epoch: 10.01, loss: 997 });
  });

  test("begin where a resumed run went on", () => {
    expect(smoothLosses([1], 51, 100)).toEqual([{ epoch: 0.51, loss: 1 }]);
  });
});

describe("the heat map of a sweep", () => {
  const chart = sweepHeatMap(MOOD.sweep!);
  const cells = shapes(chart, "rect", "heat");

  test("has a cell for each pair: lengths downwards, rates to the right", () => {
    expect(cells).toHaveLength(9);
    const of = (text: string) => cells.find(({ title }) => String(title).startsWith(text))!;
    const [corner, right, below] = [
      of("4 virtual tokens, learning rate 0.003"),
      of("4 virtual tokens, learning rate 0.01"),
      of("16 virtual tokens, learning rate 0.003"),
    ];
    expect(right["x"]).toBeGreaterThan(Number(corner["x"]));
    expect(right["y"]).toBe(corner["y"]);
    expect(below["y"]).toBeGreaterThan(Number(corner["y"]));
    expect(below["x"]).toBe(corner["x"]);
  });

  test("is darkest where the score is best, and frames what was chosen", () => {
    const byShade = [...cells].sort(
      (a, b) => Number(b["fill-opacity"]) - Number(a["fill-opacity"]),
    );
    expect(byShade[0]!["title"]).toContain("accuracy 0.720");
    const [frame] = shapes(chart, "rect", "chosen");
    expect([frame!["x"], frame!["y"]]).toEqual([byShade[0]!["x"], byShade[0]!["y"]]);
  });

  test("says of a pair that was stopped early how far it got", () => {
    const texts = shapes(chart, "text").map(({ content }) => content);
    expect(texts.filter((text) => text === "25\u00a0%")).toHaveLength(6);
    expect(texts.filter((text) => text === "± 0.030")).toHaveLength(3);
  });
});

describe("the confusion matrix", () => {
  const cells = MOOD.evaluation!.confusion!;

  test("has truths in rows and answers in columns, counts in the cells", () => {
    const chart = confusionMatrix(cells, MOOD.labels);
    const at = (text: string) =>
      [...shapes(chart, "rect")].find(({ title }) => String(title).startsWith(text))!;
    const [rightOne, wrongOne] = [at("bad, answered bad"), at("bad, answered fair")];
    expect(wrongOne["y"]).toBe(rightOne["y"]);
    expect(wrongOne["x"]).toBeGreaterThan(Number(rightOne["x"]));
    expect(rightOne["class"]).toBe("right");
    expect(wrongOne["class"]).toBe("wrong");
    expect(wrongOne["fill-opacity"]).toBe(0.1); // 4 of 40
    expect(wrongOne["title"]).toContain("4 of 40 (10\u00a0%)");
    const numbers = shapes(chart, "text").map(({ content }) => content);
    expect(numbers).toEqual(expect.arrayContaining(["36", "4", "8", "12", "30", "10"]));
  });

  test("of 77 labels is a texture that fits a page, a cell for each pair that occurs", () => {
    const labels = Array.from({ length: 77 }, (_, i) => `intent-${i}`);
    const many = labels.flatMap((truth, i) => [
      { truth, answer: truth, count: 30 },
      { truth, answer: labels[(i + 7) % 77]!, count: 1 },
    ]);
    const chart = confusionMatrix(many, labels);
    expect(shapes(chart, "rect").filter(({ title }) => title !== "")).toHaveLength(154);
    const width = Number(/width="([\d.]+)"/.exec(chart.toString())![1]);
    expect(width).toBeLessThan(460);
    // One stray answer of 31 is still to be seen.
    for (const { "fill-opacity": opacity } of shapes(chart, "rect", "wrong")) {
      expect(opacity).toBeGreaterThan(0.4);
    }
  });

  test("shows a truth that is not among the labels", () => {
    const chart = confusionMatrix([{ truth: "new", answer: "bad", count: 1 }], ["bad", "good"]);
    expect(shapes(chart, "rect", "wrong")[0]!["title"]).toContain("new, answered bad");
    expect(chart.toString()).not.toMatch(/NaN|undefined/);
  });

  test("has the most frequent confusions beside it, with their share of the truth", () => {
    expect(topConfusions(cells, 2)).toEqual([
      { truth: "fair", answer: "good", count: 12, share: 0.6 },
      { truth: "good", answer: "bad", count: 10, share: 0.25 },
    ]);
  });
});

describe("the reliability diagram", () => {
  const { calibration } = MOOD.evaluation!;
  const chart = reliabilityDiagram(calibration!);

  test("has a dot for each bin that is not empty, before and after", () => {
    expect(shapes(chart, "circle", "hollow")).toHaveLength(7);
    expect(shapes(chart, "circle", "accent")).toHaveLength(7);
  });

  test("puts a bin that is right as often as it is sure on the diagonal", () => {
    const exact = { low: 0.5, high: 0.6, count: 5, confidence: 0.55, accuracy: 0.55 };
    const reliability = { ece: 0, bins: [exact] };
    const drawn = reliabilityDiagram({ temperature: 1, before: reliability, after: reliability });
    const [dot] = shapes(drawn, "circle", "accent");
    const [diagonal] = shapes(drawn, "line", "guide");
    const share = (Number(dot!["cx"]) - Number(diagonal!["x1"])) /
      (Number(diagonal!["x2"]) - Number(diagonal!["x1"])); // prettier-ignore
    expect(share).toBeCloseTo(0.55, 3);
    expect(Number(dot!["cy"])).toBeCloseTo(
      Number(diagonal!["y1"]) + share * (Number(diagonal!["y2"]) - Number(diagonal!["y1"])),
      1,
    );
  });

  test("gives dots an area in proportion to their answers", () => {
    const dots = shapes(chart, "circle", "accent");
    // Counts are i * i for the bins 3 to 9, so radii are as 3 to 9.
    expect(Number(dots[3]!["r"]) / Number(dots[6]!["r"])).toBeCloseTo(6 / 9, 2);
  });
});

describe("the histogram of lengths", () => {
  const lengths = MOOD.data!.lengths!;

  test("has bars whose heights are as the counts, and a line for the evaluation rows", () => {
    const chart = lengthHistogram(lengths, 128);
    const bars = shapes(chart, "rect", "bar");
    const heights = bars.map(({ height }) => Number(height));
    expect(heights[1]! / heights[2]!).toBeCloseTo(200 / 400, 2);
    expect(bars[2]!["title"]).toBe("8 to 11 tokens: 400 rows");
    expect(shapes(chart, "path", "accent")).toHaveLength(1);
  });

  test("compares bins of unequal width by area", () => {
    const wide = { width: 8, counts: [210, 580, 100, 10], median: 10, p95: 19, max: 30 };
    const chart = lengthHistogram(
      { train: wide, eval: { ...wide, width: 4, counts: [210, 580, 100, 10] } },
      128,
    );
    const [bar] = shapes(chart, "rect", "bar");
    const [floor, top] = points(shapes(chart, "path", "accent")[0]!);
    // The same share in half the width is twice as high.
    expect(floor![1] - top![1]).toBeCloseTo(2 * Number(bar!["height"]), 1);
  });

  test("shows the window where texts are longer, and says what the last bar holds", () => {
    const long = lengthHistogram({ train: { ...lengths.train, max: 900 } }, 16).toString();
    expect(long).toContain("window 16");
    expect(long).toContain("last bar: all longer, up to 900");
    expect(lengthHistogram(lengths, 128).toString()).not.toContain("window");
  });
});

test("a regression is right on the diagonal", () => {
  const chart = regressionScatter([
    { truth: 0, answer: 0 },
    { truth: 5, answer: 5 },
    { truth: 5, answer: 0 },
  ]);
  const [diagonal] = shapes(chart, "line", "guide");
  const [low, high, wrong] = shapes(chart, "circle");
  expect([low!["cx"], low!["cy"]]).toEqual([diagonal!["x1"], diagonal!["y1"]]);
  expect([high!["cx"], high!["cy"]]).toEqual([diagonal!["x2"], diagonal!["y2"]]);
  expect([wrong!["cx"], wrong!["cy"]]).toEqual([diagonal!["x2"], diagonal!["y1"]]);
});

describe("graphics the size of a word", () => {
  test("an interval is a bar around its value", () => {
    const chart = intervalGraphic(0.5, [0.25, 0.75], [0, 1], 110);
    const [bar] = shapes(chart, "line", "whisker");
    expect([bar!["x1"], bar!["x2"]]).toEqual([30, 80]);
    expect(shapes(chart, "circle")[0]!["cx"]).toBe(55);
  });

  test("precision and recall are the ends of a bar, F1 the dot on it", () => {
    const chart = scoreGraphic(1, 0, 0.5);
    const [bar] = shapes(chart, "line", "span");
    expect([bar!["x1"], bar!["x2"], shapes(chart, "circle")[0]!["cx"]]).toEqual([76, 4, 40]);
  });

  test("a share is a share of the largest, and nothing of nothing", () => {
    expect(shapes(shareGraphic(1, 4, "bar", 80), "rect")[0]!["width"]).toBe(20);
    expect(shapes(shareGraphic(0, 0, "bar", 80), "rect")[0]!["width"]).toBe(0);
  });
});
