/**
 * How long are the texts? Training rows as bars, evaluation rows as a line: densities, so that the
 * two compare whatever their number of rows and the widths of their bins.
 */
import type { LengthFacts } from "./facts.ts";
import type { Histogram } from "../../src/learn/measure/data-summary.ts";
import type { Markup, Part } from "./markup.ts";
import { formatCount, formatNumber } from "./numbers.ts";
import { bottomAxis, line, linePath, linear, path, rect, svg, text, ticks } from "./svg.ts";
import type { Box, Scale } from "./svg.ts";

const WIDTH = 340;
const HEIGHT = 216;
const BOX: Box = { left: 12, right: 328, top: 44, bottom: 172 };

/** `maxLength` is the longest window: what is longer is read in several. */
export function lengthHistogram(
  { train, eval: evaluation }: LengthFacts,
  maxLength: number,
): Markup {
  const all = [train, ...(evaluation ? [evaluation] : [])];
  const end = Math.max(...all.map(reach));
  const x = linear([0, end], [BOX.left, BOX.right]);
  const y = linear([0, Math.max(...all.flatMap(densities))], [BOX.bottom, BOX.top]);
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
        BOX.bottom - y(density),
        "bar",
        { title: `${binName(train, i)}: ${formatCount(train.counts[i]!)} rows` },
      ),
    ),
    evaluation && path(outline(evaluation, x, y), "series accent"),
    line(x(0), BOX.bottom, x(end), BOX.bottom, "axis"),
    bottomAxis(BOX, ticks(0, end, 7), x, formatNumber),
    quantiles(train, x),
    maxLength < end && [
      line(x(maxLength), BOX.top - 6, x(maxLength), BOX.bottom, "guide"),
      text(x(maxLength) - 4, BOX.top + 10, `window ${formatNumber(maxLength)}`, { anchor: "end" }),
    ],
    train.max >= reach(train) &&
      text(BOX.left, HEIGHT - 6, `last bar: all longer, up to ${formatNumber(train.max)}`),
    text(BOX.right, HEIGHT - 6, "tokens", { anchor: "end" }),
  );
}

/** Median and 95th percentile as marks above the bars; two labels that would meet become one. */
function quantiles({ median, p95 }: Histogram, x: Scale): Part {
  const end = BOX.right;
  const mark = (value: number): Part =>
    x(value) <= end && line(x(value), BOX.top - 8, x(value), BOX.top - 2, "axis");
  const middle = `median ${formatNumber(median)}`;
  const high = `95 % at most ${formatNumber(p95)}`;
  const left = Math.max(BOX.left, x(median) - 20);
  const right = Math.min(x(p95), end - 100);
  const labels =
    right - left < middle.length * 6 + 10
      ? text(Math.min(left, end - 180), BOX.top - 14, `${middle}, ${high}`)
      : [text(left, BOX.top - 14, middle), text(right, BOX.top - 14, high)];
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
