/** Charts the size of a word, for the cells of tables: a number is read, its place is seen. */
import type { Interval } from "./facts.ts";
import type { Markup } from "./markup.ts";
import { formatInterval, formatScore } from "./numbers.ts";
import { dot, line, linear, rect, svg } from "./svg.ts";

const HEIGHT = 14;
const MIDDLE = HEIGHT / 2;

/** A value on the line from `low` to `high`, with its interval as a bar. */
export function intervalGraphic(
  value: number,
  interval: Interval | undefined,
  [low, high]: readonly [number, number] = [0, 1],
  width = 150,
): Markup {
  const x = linear([low, high], [5, width - 5]);
  const title = interval
    ? `${formatScore(value)}, 95 % interval ${formatInterval(interval)}`
    : formatScore(value);
  return svg(
    width,
    HEIGHT,
    title,
    line(x(low), MIDDLE, x(high), MIDDLE, "rule"),
    line(x(low), MIDDLE - 3, x(low), MIDDLE + 3, "rule"),
    line(x(high), MIDDLE - 3, x(high), MIDDLE + 3, "rule"),
    interval && line(x(interval[0]), MIDDLE, x(interval[1]), MIDDLE, "whisker"),
    dot(x(value), MIDDLE, 3.2, "accent"),
  );
}

/** F1 as a dot on the line from 0 to 1, with precision and recall as the ends of a bar. */
export function scoreGraphic(precision: number, recall: number, f1: number): Markup {
  const x = linear([0, 1], [4, 76]);
  return svg(
    80,
    HEIGHT,
    `F1 ${formatScore(f1)}, precision ${formatScore(precision)}, recall ${formatScore(recall)}`,
    line(x(0), MIDDLE, x(1), MIDDLE, "rule"),
    line(x(precision), MIDDLE, x(recall), MIDDLE, "span"),
    dot(x(f1), MIDDLE, 3, "ink"),
  );
}

/** A share of the largest one as a bar. */
export function shareGraphic(share: number, largest: number, kind = "bar", width = 80): Markup {
  const length = largest > 0 ? (width * share) / largest : 0;
  return svg(width, HEIGHT, "", rect(0, 3, length, HEIGHT - 6, kind));
}
