/**
 * The ladder as a picture: accuracy over rows a class, a panel for each set of whole texts, all on one
 * scale. A file of its own with its own style, since README and docs show it as an image.
 */
import { markup } from "../../src/report/html.ts";
import type { Markup, Part } from "../../src/report/html.ts";
import { dot, line, linePath, linear, path, text, ticks } from "../../src/report/svg.ts";
import type { Scale } from "../../src/report/svg.ts";
import { meanScore } from "../../scripts/runs/trial/statistics.ts";
import type { RowCount } from "./draws.ts";
import { CONTENDER_TITLES, countsOf } from "./plan.ts";
import type { Contender } from "./plan.ts";
import type { LadderResult } from "./results.ts";
import { SETS, SET_IDS } from "./sets.ts";
import type { SetId } from "./sets.ts";
import { cellsAt } from "./summary.ts";

/** What is drawn, the last one on top, each in a colour of the style. */
const DRAWN = [
  ["head", "soft"],
  ["setfit", "blue"],
  ["train", "red"],
] as const satisfies readonly (readonly [Contender, string])[];

const PANELS = SET_IDS.filter((set) => SETS[set].type === "sequence");
const PANEL = { left: 56, top: 84, width: 200, height: 190, gap: 24 };
const WIDTH = 2 * 28 + PANEL.left - 28 + PANELS.length * (PANEL.width + PANEL.gap) - PANEL.gap;
const HEIGHT = PANEL.top + PANEL.height + 40;
/** Percent between two labels of the axis. */
const STEP = 10;
/** Clear of the panel's sides, so that dots are whole. */
const MARGIN = 10;

/** The picture of finished cells, as an SVG file. */
export function ladderCurve(results: readonly LadderResult[]): Markup {
  const points = PANELS.map((set) => DRAWN.map(([contender]) => pointsOf(results, set, contender)));
  const lows = points.flat(2).map(({ low }) => 100 * low);
  const bottom = Math.min(100 - STEP, STEP * Math.floor(Math.min(...lows) / STEP));
  const y = linear([bottom, 100], [PANEL.top + PANEL.height, PANEL.top]);
  const marks = ticks(bottom, 100, 100 / STEP);
  const panels = PANELS.map((set, i) => {
    const left = PANEL.left + i * (PANEL.width + PANEL.gap);
    return panel(set, points[i]!, { left, y, marks, hasLabels: i === 0 });
  });
  return frame([legend(), panels]);
}

/** The draws of a contender at one number of rows. */
interface Point {
  readonly rows: RowCount;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

const pointsOf = (results: readonly LadderResult[], set: SetId, contender: Contender): Point[] =>
  countsOf(set).flatMap((rows) => {
    const scores = cellsAt(results, { set, rows, contender }).map(({ score }) => score);
    if (scores.length === 0) return [];
    const [low, high] = [Math.min(...scores), Math.max(...scores)];
    return [{ rows, mean: meanScore(scores).mean, low, high }];
  });

interface PanelPlace {
  readonly left: number;
  /** Percent to units. */
  readonly y: Scale;
  readonly marks: readonly number[];
  readonly hasLabels: boolean;
}

/** Numbers of rows stand at equal distances: most are twice the one before. */
function panel(
  set: SetId,
  contenders: readonly (readonly Point[])[],
  { left, y, marks, hasLabels }: PanelPlace,
): Part {
  const counts = countsOf(set);
  const place = linear([0, counts.length - 1], [left + MARGIN, left + PANEL.width - MARGIN]);
  const x = (rows: RowCount): number => place(counts.indexOf(rows));
  const bottom = PANEL.top + PANEL.height;
  return [
    text(left, PANEL.top - 14, SETS[set].title, { kind: "name" }),
    marks.map((mark) => line(left, y(mark), left + PANEL.width, y(mark), "grid")),
    hasLabels &&
      marks.map((mark) => text(left - 8, y(mark) + 4, `${mark}`, { kind: "note", anchor: "end" })),
    counts.map((rows) => text(x(rows), bottom + 20, `${rows}`, { kind: "note", anchor: "middle" })),
    contenders.map((points, i) => curve(points, DRAWN[i]![0], DRAWN[i]![1], x, y)),
  ];
}

/** A line through the means, and from the lowest to the highest draw a whisker. */
const curve = (
  points: readonly Point[],
  contender: Contender,
  colour: string,
  x: (rows: RowCount) => number,
  y: Scale,
): Part => [
  points.map(({ rows, low, high }) =>
    line(x(rows), y(100 * low), x(rows), y(100 * high), `whisker ${colour}`),
  ),
  path(linePath(points.map(({ rows, mean }) => [x(rows), y(100 * mean)])), `curve ${colour}`),
  points.map(({ rows, mean }) =>
    dot(
      x(rows),
      y(100 * mean),
      3,
      `dot ${colour}`,
      `${CONTENDER_TITLES[contender]}, ${rows} rows a class: ${(100 * mean).toFixed(1)} %`,
    ),
  ),
];

function legend(): Part {
  const entries = DRAWN.toReversed();
  return [
    text(28, 36, "accuracy in percent, by the number of rows of each class", { kind: "name" }),
    entries.map(([contender, colour], i) => {
      const left = WIDTH - 320 + i * 100;
      return [
        line(left, 32, left + 22, 32, `curve ${colour}`),
        dot(left + 11, 32, 3, `dot ${colour}`),
        text(left + 28, 36, CONTENDER_TITLES[contender], { kind: "note" }),
      ];
    }),
  ];
}

const frame = (parts: Part): Markup =>
  markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title desc">
  <title id="title">Accuracy by the number of rows</title>
  <desc id="desc">A panel for each data set. Lines show the accuracy of train, of a head alone and of SetFit, from 4 rows of each class to all rows; whiskers reach from the lowest to the highest draw.</desc>
  <style>
    :root { --page: #fffefa; --ink: #222220; --soft: #8a897f; --line: #d5d3ca; --red: #a8321f; --blue: #2f6690; }
    @media (prefers-color-scheme: dark) {
      :root { --page: #16181c; --ink: #e9e7e0; --soft: #8f8d86; --line: #3d4047; --red: #e0705c; --blue: #6fa8d3; }
    }
    text { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; font-size: 13px; fill: var(--ink); }
    .name { font-weight: 600; font-size: 14px; }
    .page { fill: var(--page); stroke: var(--line); }
    .grid { stroke: var(--line); stroke-width: 1; }
    .curve { fill: none; stroke-width: 2; }
    .whisker { stroke-width: 1; opacity: .5; }
    line.red, path.red { stroke: var(--red); } line.blue, path.blue { stroke: var(--blue); } line.soft, path.soft { stroke: var(--soft); }
    circle.red { fill: var(--red); } circle.blue { fill: var(--blue); } circle.soft { fill: var(--soft); }
  </style>
  <rect class="page" x=".5" y=".5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="8"/>
  ${parts}
</svg>`;
