/**
 * Charts with two axes: loss and score over epochs, answers over true values, confidence against
 * truth, and how long the texts are.
 */
import type { Reliability, ReliabilityBin } from "../learn/measure/calibration.ts";
import type { Histogram } from "../learn/measure/data-summary.ts";
import type {
  EpochFact,
  TrainingFacts,
  RegressionPoint,
  CalibrationFacts,
  LengthFacts,
} from "./facts.ts";
import type { Markup, Part } from "./html.ts";
import {
  bottomAxis,
  dot,
  leftAxis,
  line,
  linePath,
  linear,
  path,
  rangeFrame,
  svg,
  text,
  ticks,
  rect,
} from "./svg.ts";
import type { Box, Scale } from "./svg.ts";
import { formatNumber, formatScore, metricName, formatCount } from "./text.ts";

/** Size of the charts of epochs and of lengths. */
const WIDTH = 340;
const HEIGHT = 216;

const EPOCHS_BOX: Box = { left: 46, right: 326, top: 28, bottom: 172 };

/** What a curve is drawn of; `unit` is what lies between two measurements. */
type Curve = Pick<TrainingFacts, "epochs" | "stepLosses"> & { readonly unit?: string };

/** Loss of each epoch as dots and, where steps were recorded, their smoothed course behind them. */
export function lossCurve({ epochs, stepLosses = [], unit = "epoch" }: Curve): Markup {
  const top = Math.max(...epochs.map(({ loss }) => loss), ...stepLosses.map(({ loss }) => loss));
  const x = epochScale(epochs);
  const y = linear([0, top], [EPOCHS_BOX.bottom, EPOCHS_BOX.top]);
  const last = epochs.at(-1)!;
  const points = epochs.map(({ epoch, loss }) => [x(epoch), y(loss)] as const);
  return svg(
    WIDTH,
    HEIGHT,
    `Training loss: ${formatScore(epochs[0]!.loss)} in the first ${unit}, ${formatScore(last.loss)} in the last`,
    frame(epochs, x, [0, top], y, unit),
    text(0, 12, "training loss", { kind: "label" }),
    stepLosses.length > 1 &&
      path(linePath(stepLosses.map(({ epoch, loss }) => [x(epoch), y(loss)])), "trace"),
    path(linePath(points), "series"),
    points.map(([cx, cy], i) =>
      dot(cx, cy, 2.5, "ink", `${unit} ${epochs[i]!.epoch}: ${formatScore(epochs[i]!.loss)}`),
    ),
    text(x(last.epoch), y(last.loss) - 9, formatScore(last.loss), { anchor: "end", kind: "value" }),
  );
}

/** Score of each epoch; the best has a larger dot, its number, and a fine line to the axis. */
export function scoreCurve({
  epochs,
  bestEpoch,
  scoreName,
  unit = "epoch",
}: Curve & Pick<TrainingFacts, "bestEpoch" | "scoreName">): Markup {
  const scores = epochs.map(({ score }) => score);
  const domain = [Math.min(...scores), Math.max(...scores)] as const;
  const x = epochScale(epochs);
  // Off the axis, so that the smallest is seen, too.
  const y = linear(domain, [EPOCHS_BOX.bottom - 10, EPOCHS_BOX.top + 14]);
  const best = epochs.find(({ epoch }) => epoch === bestEpoch) ?? epochs.at(-1)!;
  const points = epochs.map(({ epoch, score }) => [x(epoch), y(score)] as const);
  const isRight = x(best.epoch) > (EPOCHS_BOX.left + EPOCHS_BOX.right) / 2;
  return svg(
    WIDTH,
    HEIGHT,
    `${metricName(scoreName)} on the evaluation rows: best ${formatScore(best.score)} after ${unit} ${best.epoch}`,
    frame(epochs, x, domain, y, unit),
    text(0, 12, `${metricName(scoreName)} on the evaluation rows`, { kind: "label" }),
    line(x(best.epoch), y(best.score), x(best.epoch), EPOCHS_BOX.bottom, "guide"),
    path(linePath(points), "series"),
    points.map(([cx, cy], i) =>
      dot(cx, cy, 2.5, "ink", `${unit} ${epochs[i]!.epoch}: ${formatScore(epochs[i]!.score)}`),
    ),
    best.epoch !== epochs[0]!.epoch &&
      text(x(epochs[0]!.epoch) + 5, y(epochs[0]!.score) + 4, formatScore(epochs[0]!.score), {
        kind: "value",
      }),
    dot(x(best.epoch), y(best.score), 4.5, "accent"),
    text(
      x(best.epoch) + (isRight ? 4 : -4),
      y(best.score) - 10,
      `best ${formatScore(best.score)}`,
      {
        anchor: isRight ? "end" : "start",
        kind: "value accent",
      },
    ),
  );
}

/** From the start of training (0) to the end of the last epoch. */
const epochScale = (epochs: readonly EpochFact[]): Scale =>
  linear([0, epochs.at(-1)!.epoch], [EPOCHS_BOX.left, EPOCHS_BOX.right]);

function frame(
  epochs: readonly EpochFact[],
  x: Scale,
  [low, high]: readonly [number, number],
  y: Scale,
  unit: string,
) {
  const last = epochs.at(-1)!.epoch;
  const whole = ticks(0, last, 8).filter(Number.isInteger);
  return [
    rangeFrame(EPOCHS_BOX, [x(0), x(last)], [y(low), y(high)]),
    bottomAxis(EPOCHS_BOX, whole, x, formatNumber),
    leftAxis(EPOCHS_BOX, ticks(low, high, 5), y, formatNumber),
    text(EPOCHS_BOX.right, HEIGHT - 6, unit, { anchor: "end" }),
  ];
}

const ANSWERS_BOX: Box = { left: 46, right: 326, top: 28, bottom: 308 };

/** Regression: the answer over the truth; on the diagonal it is right. */
export function regressionScatter(points: readonly RegressionPoint[]): Markup {
  const values = points.flatMap(({ truth, answer }) => [truth, answer]);
  const domain = [Math.min(...values), Math.max(...values)] as const;
  const x = linear(domain, [ANSWERS_BOX.left, ANSWERS_BOX.right]);
  const y = linear(domain, [ANSWERS_BOX.bottom, ANSWERS_BOX.top]);
  const marks = ticks(...domain, 6);
  return svg(
    340,
    348,
    `Answers of ${points.length} rows over their true values`,
    text(0, 12, "answer", { kind: "label" }),
    rangeFrame(ANSWERS_BOX, [x(domain[0]), x(domain[1])], [y(domain[0]), y(domain[1])]),
    bottomAxis(ANSWERS_BOX, marks, x, formatNumber),
    leftAxis(ANSWERS_BOX, marks, y, formatNumber),
    line(x(domain[0]), y(domain[0]), x(domain[1]), y(domain[1]), "guide"),
    points.map(({ truth, answer }) => dot(x(truth), y(answer), 2.2, "accent faint")),
    text(ANSWERS_BOX.right, ANSWERS_BOX.bottom + 32, "truth", { anchor: "end" }),
  );
}

const RELIABILITY_BOX: Box = { left: 46, right: 306, top: 28, bottom: 288 };
/** Below the diagram: how many answers have which confidence. */
const BARS = { top: 330, bottom: 366 };
const TICKS = [0, 0.25, 0.5, 0.75, 1];
const MAX_RADIUS = 8;

/**
 * The reliability diagram: of the answers given with a confidence of about x, which share is right?
 * On the diagonal a score can be read as a probability. Dots have an area in proportion to the
 * answers they stand for; hollow is before calibration, filled after.
 */
export function reliabilityDiagram({ before, after }: CalibrationFacts): Markup {
  const x = linear([0, 1], [RELIABILITY_BOX.left, RELIABILITY_BOX.right]);
  const y = linear([0, 1], [RELIABILITY_BOX.bottom, RELIABILITY_BOX.top]);
  const series = ({ bins }: Reliability, kind: string, curve: string) => {
    const used = bins.filter(({ count }) => count > 0);
    const most = Math.max(1, ...used.map(({ count }) => count));
    return [
      path(linePath(used.map((bin) => [x(bin.confidence), y(bin.accuracy)])), curve),
      used.map((bin) =>
        dot(
          x(bin.confidence),
          y(bin.accuracy),
          Math.max(2, MAX_RADIUS * Math.sqrt(bin.count / most)),
          kind,
          `${formatCount(bin.count)} answers: confidence ${formatScore(bin.confidence)}, right ${formatScore(bin.accuracy)}`,
        ),
      ),
    ];
  };
  return svg(
    340,
    402,
    `Reliability: expected calibration error ${formatScore(before.ece)} before, ${formatScore(after.ece)} after`,
    text(0, 12, "share of right answers", { kind: "label" }),
    rangeFrame(RELIABILITY_BOX, [x(0), x(1)], [y(0), y(1)]),
    leftAxis(RELIABILITY_BOX, TICKS, y, formatNumber),
    bottomAxis(RELIABILITY_BOX, TICKS, x, formatNumber),
    line(x(0), y(0), x(1), y(1), "guide"),
    series(before, "hollow", "trace"),
    series(after, "accent soft", "series accent"),
    text(RELIABILITY_BOX.right, RELIABILITY_BOX.bottom + 32, "confidence", { anchor: "end" }),
    confidenceBars(after.bins),
  );
}

/** Small bars under the diagram, on its own axis. */
function confidenceBars(bins: readonly ReliabilityBin[]) {
  const x = linear([0, 1], [RELIABILITY_BOX.left, RELIABILITY_BOX.right]);
  const most = Math.max(1, ...bins.map(({ count }) => count));
  const fullest = bins.find(({ count }) => count === most);
  return [
    bins.map(({ low, high, count }) => {
      const height = ((BARS.bottom - BARS.top) * count) / most;
      return rect(x(low) + 0.5, BARS.bottom - height, x(high) - x(low) - 1, height, "bar");
    }),
    line(x(0), BARS.bottom, x(1), BARS.bottom, "axis"),
    fullest && text(RELIABILITY_BOX.left - 7, BARS.top + 8, formatCount(most), { anchor: "end" }),
    text(RELIABILITY_BOX.left, BARS.bottom + 16, "answers by confidence, after calibration"),
  ];
}

const LENGTHS_BOX: Box = { left: 12, right: 328, top: 44, bottom: 172 };

/**
 * How long are the texts? Training rows as bars, evaluation rows as a line: densities, so that the
 * two can be compared for any number of rows and any width of bins. `maxLength` is the longest window:
 * longer texts are read in several.
 */
export function lengthHistogram(
  { train, eval: evaluation }: LengthFacts,
  maxLength: number,
): Markup {
  const all = [train, ...(evaluation ? [evaluation] : [])];
  const end = Math.max(...all.map(reach));
  const x = linear([0, end], [LENGTHS_BOX.left, LENGTHS_BOX.right]);
  const y = linear([0, Math.max(...all.flatMap(densities))], [LENGTHS_BOX.bottom, LENGTHS_BOX.top]);
  return svg(
    WIDTH,
    HEIGHT,
    `Tokens of a training row: median ${train.median}, 95 of 100 at most ${train.p95}, longest ${train.max}`,
    text(0, 12, "tokens of a row", { kind: "label" }),
    densities(train).map((density, i) =>
      rect(
        x(i * train.width) + 0.5,
        y(density),
        Math.max(0.5, x(train.width) - x(0) - 1),
        LENGTHS_BOX.bottom - y(density),
        "bar",
        { title: `${binName(train, i)}: ${formatCount(train.counts[i]!)} rows` },
      ),
    ),
    evaluation && path(outline(evaluation, x, y), "series accent"),
    line(x(0), LENGTHS_BOX.bottom, x(end), LENGTHS_BOX.bottom, "axis"),
    bottomAxis(LENGTHS_BOX, ticks(0, end, 7), x, formatNumber),
    quantiles(train, x),
    maxLength < end && [
      line(x(maxLength), LENGTHS_BOX.top - 6, x(maxLength), LENGTHS_BOX.bottom, "guide"),
      text(x(maxLength) - 4, LENGTHS_BOX.top + 10, `window ${formatNumber(maxLength)}`, {
        anchor: "end",
      }),
    ],
    train.max >= reach(train) &&
      text(LENGTHS_BOX.left, HEIGHT - 6, `last bar: all longer, up to ${formatNumber(train.max)}`),
    text(LENGTHS_BOX.right, HEIGHT - 6, "tokens", { anchor: "end" }),
  );
}

/** Median and 95th percentile as marks above the bars; two labels that would meet become one. */
function quantiles({ median, p95 }: Histogram, x: Scale): Part {
  const end = LENGTHS_BOX.right;
  const mark = (value: number): Part =>
    x(value) <= end && line(x(value), LENGTHS_BOX.top - 8, x(value), LENGTHS_BOX.top - 2, "axis");
  const middle = `median ${formatNumber(median)}`;
  const high = `95 % at most ${formatNumber(p95)}`;
  const left = Math.max(LENGTHS_BOX.left, x(median) - 20);
  const right = Math.min(x(p95), end - 100);
  const labels =
    right - left < middle.length * 6 + 10
      ? text(Math.min(left, end - 180), LENGTHS_BOX.top - 14, `${middle}, ${high}`)
      : [text(left, LENGTHS_BOX.top - 14, middle), text(right, LENGTHS_BOX.top - 14, high)];
  return [mark(median), mark(p95), labels];
}

const reach = ({ width, counts }: Histogram): number => width * counts.length;

const binName = ({ width, counts, max }: Histogram, i: number): string => {
  const last = i === counts.length - 1 ? Math.max(max, (i + 1) * width - 1) : (i + 1) * width - 1;
  return `${i * width} to ${last} tokens`;
};

/** Share of the rows per token. */
function densities({ counts, width }: Histogram): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / Math.max(1, total) / width);
}

/** The tops of the bars as one stepped line. */
function outline(histogram: Histogram, x: Scale, y: Scale): string {
  const points = densities(histogram).flatMap((density, i) => [
    [x(i * histogram.width), y(density)] as const,
    [x((i + 1) * histogram.width), y(density)] as const,
  ]);
  return linePath([[x(0), y(0)], ...points, [x(reach(histogram)), y(0)]]);
}
