/**
 * The reliability diagram: of the answers given with a confidence of about x, which share is right?
 * On the diagonal a score can be read as a probability. Dots have an area in proportion to the
 * answers they stand for; hollow is before calibration, filled after.
 */
import type { Reliability, ReliabilityBin } from "../../src/learn/measure/calibration.ts";
import type { CalibrationFacts } from "./facts.ts";
import type { Markup } from "./markup.ts";
import { formatCount, formatNumber, formatScore } from "./numbers.ts";
import {
  bottomAxis,
  dot,
  leftAxis,
  line,
  linePath,
  linear,
  path,
  rangeFrame,
  rect,
  svg,
  text,
} from "./svg.ts";
import type { Box } from "./svg.ts";

const BOX: Box = { left: 46, right: 306, top: 28, bottom: 288 };
/** Below the diagram: how many answers have which confidence. */
const BARS = { top: 330, bottom: 366 };
const TICKS = [0, 0.25, 0.5, 0.75, 1];
const MAX_RADIUS = 8;

export function reliabilityDiagram({ before, after }: CalibrationFacts): Markup {
  const x = linear([0, 1], [BOX.left, BOX.right]);
  const y = linear([0, 1], [BOX.bottom, BOX.top]);
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
    rangeFrame(BOX, [x(0), x(1)], [y(0), y(1)]),
    leftAxis(BOX, TICKS, y, formatNumber),
    bottomAxis(BOX, TICKS, x, formatNumber),
    line(x(0), y(0), x(1), y(1), "guide"),
    series(before, "hollow", "trace"),
    series(after, "accent soft", "series accent"),
    text(BOX.right, BOX.bottom + 32, "confidence", { anchor: "end" }),
    confidenceBars(after.bins),
  );
}

/** Small bars under the diagram, on its own axis. */
function confidenceBars(bins: readonly ReliabilityBin[]) {
  const x = linear([0, 1], [BOX.left, BOX.right]);
  const most = Math.max(1, ...bins.map(({ count }) => count));
  const fullest = bins.find(({ count }) => count === most);
  return [
    bins.map(({ low, high, count }) => {
      const height = ((BARS.bottom - BARS.top) * count) / most;
      return rect(x(low) + 0.5, BARS.bottom - height, x(high) - x(low) - 1, height, "bar");
    }),
    line(x(0), BARS.bottom, x(1), BARS.bottom, "axis"),
    fullest && text(BOX.left - 7, BARS.top + 8, formatCount(most), { anchor: "end" }),
    text(BOX.left, BARS.bottom + 16, "answers by confidence, after calibration"),
  ];
}
