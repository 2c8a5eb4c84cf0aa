/** How long are the texts? Training rows as bars, evaluation rows as a line, both in shares. */
import type { Histogram, LengthFacts } from "./facts.ts";
import type { Markup, Part } from "./markup.ts";
import { formatCount, formatNumber, formatShare } from "./numbers.ts";
import { bottomAxis, line, linePath, linear, path, rect, svg, text, ticks } from "./svg.ts";
import type { Box, Scale } from "./svg.ts";

const WIDTH = 340;
const HEIGHT = 216;
const BOX: Box = { left: 12, right: 328, top: 44, bottom: 172 };

/** `maxLength` is the longest window: what is longer is read in several. */
export function lengthHistogram(lengths: LengthFacts, maxLength: number): Markup {
  const { train } = lengths;
  const end = Math.max(reach(train), lengths.eval ? reach(lengths.eval) : 0);
  const x = linear([0, end], [BOX.left, BOX.right]);
  const highest = Math.max(...sharesOf(train), ...(lengths.eval ? sharesOf(lengths.eval) : []));
  const y = linear([0, highest], [BOX.bottom, BOX.top]);
  return svg(
    WIDTH,
    HEIGHT,
    `Tokens of a training row: median ${train.median}, 95 of 100 at most ${train.p95}, longest ${train.max}`,
    text(0, 12, "tokens of a row", { kind: "label" }),
    sharesOf(train).map((share, i) =>
      rect(
        x(i * train.width) + 0.5,
        y(share),
        Math.max(0.5, x(train.width) - x(0) - 1),
        BOX.bottom - y(share),
        "bar",
        {
          title: `${i * train.width} to ${(i + 1) * train.width - 1} tokens: ${formatCount(train.counts[i]!)} rows, ${formatShare(share)}`,
        },
      ),
    ),
    lengths.eval && path(outline(lengths.eval, x, y), "series accent"),
    line(x(0), BOX.bottom, x(end), BOX.bottom, "axis"),
    bottomAxis(BOX, ticks(0, end, 7), x, formatNumber),
    quantiles(train, x),
    maxLength < end && [
      line(x(maxLength), BOX.top - 6, x(maxLength), BOX.bottom, "guide"),
      text(x(maxLength) + 4, BOX.bottom - 6, `window ${formatNumber(maxLength)}`),
    ],
    text(BOX.right, HEIGHT - 6, "tokens", { anchor: "end" }),
  );
}

/** Median and 95th percentile as marks above the bars; two labels that would meet become one. */
function quantiles({ median, p95 }: Histogram, x: Scale): Part {
  const mark = (value: number): Markup =>
    line(x(value), BOX.top - 8, x(value), BOX.top - 2, "axis");
  const middle = `median ${formatNumber(median)}`;
  const high = `95 % at most ${formatNumber(p95)}`;
  const [left, right] = [Math.max(BOX.left, x(median) - 20), Math.min(x(p95), BOX.right - 90)];
  if (right - left < middle.length * 6 + 10) {
    return [mark(median), mark(p95), text(left, BOX.top - 14, `${middle}, ${high}`)];
  }
  return [
    mark(median),
    mark(p95),
    text(left, BOX.top - 14, middle),
    text(right, BOX.top - 14, high),
  ];
}

const reach = ({ width, counts }: Histogram): number => width * counts.length;

function sharesOf({ counts }: Histogram): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / Math.max(1, total));
}

/** The tops of the bars as one stepped line. */
function outline(histogram: Histogram, x: Scale, y: Scale): string {
  const points = sharesOf(histogram).flatMap((share, i) => [
    [x(i * histogram.width), y(share)] as const,
    [x((i + 1) * histogram.width), y(share)] as const,
  ]);
  return linePath([[x(0), y(0)], ...points, [x(reach(histogram)), y(0)]]);
}
