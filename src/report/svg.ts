/**
 * The few things that every chart needs: scales, ticks, paths, the frame. Charts are at most some
 * 340 units wide, the width of a phone: a wide page sets several side by side instead of making
 * one larger, so that their text has one size everywhere. Colours are classes of style.ts.
 */
import type { Interval } from "./facts.ts";
import { markup } from "./html.ts";
import type { Markup, Part } from "./html.ts";
import { formatInterval, formatScore } from "./text.ts";

export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** From data to units of the drawing. */
export type Scale = (value: number) => number;

/** A straight scale; a domain of one value maps to the middle of the range. */
export function linear([d0, d1]: readonly [number, number], [r0, r1]: readonly [number, number]) {
  const scale: Scale = (value) =>
    d1 === d0 ? (r0 + r1) / 2 : r0 + ((value - d0) / (d1 - d0)) * (r1 - r0);
  return scale;
}

/** Multiples of 1, 2 or 5 x 10^n within [low, high]: at most `most`, and both ends stay inside. */
export function ticks(low: number, high: number, most: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  for (const factor of [1, 2, 5, 10, 20]) {
    const step = factor * power;
    const first = Math.ceil(low / step - 1e-9);
    const count = Math.floor(high / step + 1e-9) - first + 1;
    // Dividing keeps 0.3 from being 0.30000000000000004.
    if (count <= most)
      return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }
  return [low, high];
}

/** A coordinate, short. */
export const xy = (value: number): number => Math.round(value * 100) / 100;

/** `M x,y L x,y ..` through the points. */
export const linePath = (points: readonly (readonly [x: number, y: number])[]): string =>
  points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${xy(x)},${xy(y)}`).join("");

/** An <svg> of its own size that a phone may shrink; a screen reader says `title`, or, without, nothing. */
export function svg(width: number, height: number, title: string, ...parts: Part[]): Markup {
  const role = title === "" ? markup`aria-hidden="true"` : markup`role="img" aria-label="${title}"`;
  return markup`<svg viewBox="0 0 ${xy(width)} ${xy(height)}" width="${xy(width)}" height="${xy(height)}" ${role}>${parts}</svg>`;
}

export interface TextOptions {
  readonly anchor?: "start" | "middle" | "end";
  readonly kind?: string;
}

export const text = (
  x: number,
  y: number,
  content: Part,
  { anchor = "start", kind = "note" }: TextOptions = {},
): Markup =>
  markup`<text x="${xy(x)}" y="${xy(y)}" class="${kind}"${anchor === "start" ? "" : markup` text-anchor="${anchor}"`}>${content}</text>`;

export const line = (x1: number, y1: number, x2: number, y2: number, kind: string): Markup =>
  markup`<line x1="${xy(x1)}" y1="${xy(y1)}" x2="${xy(x2)}" y2="${xy(y2)}" class="${kind}"/>`;

export const rect = (
  x: number,
  y: number,
  width: number,
  height: number,
  kind: string,
  more: { readonly opacity?: number; readonly title?: string } = {},
): Markup => {
  const opacity =
    more.opacity === undefined ? "" : markup` fill-opacity="${Number(more.opacity.toFixed(3))}"`;
  const title = more.title === undefined ? "" : markup`<title>${more.title}</title>`;
  return markup`<rect x="${xy(x)}" y="${xy(y)}" width="${xy(width)}" height="${xy(height)}" class="${kind}"${opacity}>${title}</rect>`;
};

export const dot = (x: number, y: number, r: number, kind: string, title?: string): Markup =>
  markup`<circle cx="${xy(x)}" cy="${xy(y)}" r="${xy(r)}" class="${kind}">${title === undefined ? "" : markup`<title>${title}</title>`}</circle>`;

export const path = (d: string, kind: string): Markup => markup`<path d="${d}" class="${kind}"/>`;

/** Tick labels below the box, each with its small mark. */
export const bottomAxis = (
  box: Box,
  values: readonly number[],
  scale: Scale,
  format: (value: number) => string,
): Part =>
  values.map((value) => [
    line(scale(value), box.bottom, scale(value), box.bottom + 4, "axis"),
    text(scale(value), box.bottom + 16, format(value), { anchor: "middle" }),
  ]);

/** Tick labels left of the box. */
export const leftAxis = (
  box: Box,
  values: readonly number[],
  scale: Scale,
  format: (value: number) => string,
): Part =>
  values.map((value) => [
    line(box.left - 4, scale(value), box.left, scale(value), "axis"),
    text(box.left - 7, scale(value) + 4, format(value), { anchor: "end" }),
  ]);

/** Axis lines that reach from the smallest to the largest value drawn, no further. */
export const rangeFrame = (
  box: Box,
  [x0, x1]: readonly [number, number],
  [y0, y1]: readonly [number, number],
): Part => [line(x0, box.bottom, x1, box.bottom, "axis"), line(box.left, y0, box.left, y1, "axis")];

/** Charts the size of a word, for the cells of tables: a number is read, its place is seen. */
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
