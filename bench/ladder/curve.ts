/**
 * The ladder as a picture: accuracy over the rows in all, from none to 5,000, a panel for each set of
 * whole texts, all on one scale. A file of its own with its own style, since README and docs show it as
 * an image.
 */
import { markup } from "../../src/report/html.ts";
import type { Markup, Part } from "../../src/report/html.ts";
import { dot, line, linePath, linear, path, text, ticks } from "../../src/report/svg.ts";
import type { Scale } from "../../src/report/svg.ts";
import { formatCount } from "../../src/report/text.ts";
import { meanScore } from "../../scripts/runs/trial/statistics.ts";
import { CONTENDER_TITLES, countsOf } from "./plan.ts";
import type { Contender } from "./plan.ts";
import type { LadderResult } from "./results.ts";
import { SETS, SET_IDS } from "./sets.ts";
import type { SetId } from "./sets.ts";
import { cellsAt } from "./summary.ts";
import { textCount } from "./table.ts";

/** What is drawn, the last one on top, each in a colour of the style. */
const DRAWN = [
  ["head", "soft"],
  ["full", "gold"],
  ["setfit", "blue"],
  ["start", "green"],
  ["train", "red"],
] as const satisfies readonly (readonly [Contender, string])[];

const PANELS = SET_IDS.filter((set) => SETS[set].type === "sequence");
const PANEL = { left: 56, top: 84, width: 190, height: 190, gap: 20 };
const WIDTH = 2 * 28 + PANEL.left - 28 + PANELS.length * (PANEL.width + PANEL.gap) - PANEL.gap;
const HEIGHT = PANEL.top + PANEL.height + 40;
/** Percent between two labels of the axis. */
const STEP = 10;
/** Clear of the panel's sides, so that dots are whole. */
const MARGIN = 10;
/** A label names the dots' places; 5,000 is the last. */
const ROW_MARKS = [0, 10, 100, 1_000, 5_000] as const;
/** Rows at the left end of the logarithmic scale; no rows stand apart, since it has no place for them. */
const FEWEST = 7;
const APART = 18;

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
  const drawn = DRAWN.filter((_, i) => points.some((own) => own[i]!.length > 0));
  return frame([legend(drawn), panels]);
}

/** The draws of a contender at one place of the ladder. */
interface Point {
  readonly count: number;
  /** In all. */
  readonly rows: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

const pointsOf = (results: readonly LadderResult[], set: SetId, contender: Contender): Point[] =>
  countsOf(set)
    .flatMap((count) => {
      const cells = cellsAt(results, { set, rows: count, contender });
      if (cells.length === 0) return [];
      const scores = cells.map(({ score }) => score);
      const [low, high] = [Math.min(...scores), Math.max(...scores)];
      const rows = cells[0]!.train_rows;
      return [{ count, rows, mean: meanScore(scores).mean, low, high }];
    })
    .sort((a, b) => a.rows - b.rows);

interface PanelPlace {
  readonly left: number;
  /** Percent to units. */
  readonly y: Scale;
  readonly marks: readonly number[];
  readonly hasLabels: boolean;
}

function panel(
  set: SetId,
  contenders: readonly (readonly Point[])[],
  { left, y, marks, hasLabels }: PanelPlace,
): Part {
  const place = linear(
    [Math.log(FEWEST), Math.log(ROW_MARKS.at(-1)!)],
    [left + MARGIN + APART, left + PANEL.width - MARGIN],
  );
  const x = (rows: number): number => (rows === 0 ? left + MARGIN : place(Math.log(rows)));
  const bottom = PANEL.top + PANEL.height;
  return [
    text(left, PANEL.top - 14, SETS[set].title, { kind: "name" }),
    marks.map((mark) => line(left, y(mark), left + PANEL.width, y(mark), "grid")),
    hasLabels &&
      marks.map((mark) => text(left - 8, y(mark) + 4, `${mark}`, { kind: "note", anchor: "end" })),
    ROW_MARKS.map((rows) =>
      text(x(rows), bottom + 20, formatCount(rows), { kind: "note", anchor: "middle" }),
    ),
    contenders.map((points, i) => curve(points, DRAWN[i]![0], DRAWN[i]![1], x, y)),
  ];
}

/** A line through the means, and from the lowest to the highest draw a whisker. */
const curve = (
  points: readonly Point[],
  contender: Contender,
  colour: string,
  x: (rows: number) => number,
  y: Scale,
): Part => [
  points.map(({ rows, low, high }) =>
    line(x(rows), y(100 * low), x(rows), y(100 * high), `whisker ${colour}`),
  ),
  path(linePath(points.map(({ rows, mean }) => [x(rows), y(100 * mean)])), `curve ${colour}`),
  points.map(({ count, rows, mean }) =>
    dot(
      x(rows),
      y(100 * mean),
      3,
      `dot ${colour}`,
      `${CONTENDER_TITLES[contender]}, ${count === 0 ? "names alone" : textCount(count)}: ${(100 * mean).toFixed(1)} %`,
    ),
  ),
];

/** Names those that have a dot. */
function legend(drawn: readonly (typeof DRAWN)[number][]): Part {
  const entries = drawn.toReversed();
  return [
    text(28, 36, "accuracy in percent, by the number of rows in all", { kind: "name" }),
    entries.map(([contender, colour], i) => {
      const left = WIDTH - 16 - (entries.length - i) * 124;
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
  <desc id="desc">A panel for each data set. Lines show the accuracy of train, of a head alone and of SetFit, from the names of the labels alone to 5,000 rows, and dots that of fine-tuning; whiskers reach from the lowest to the highest draw.</desc>
  <style>
    :root { --page: #fffefa; --ink: #222220; --soft: #8a897f; --line: #d5d3ca; --red: #a8321f; --blue: #2f6690; --gold: #a3730f; --green: #3c7a3f; }
    @media (prefers-color-scheme: dark) {
      :root { --page: #16181c; --ink: #e9e7e0; --soft: #8f8d86; --line: #3d4047; --red: #e0705c; --blue: #6fa8d3; --gold: #d9a441; --green: #7fbf83; }
    }
    text { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; font-size: 13px; fill: var(--ink); }
    .name { font-weight: 600; font-size: 14px; }
    .page { fill: var(--page); stroke: var(--line); }
    .grid { stroke: var(--line); stroke-width: 1; }
    .curve { fill: none; stroke-width: 2; }
    .whisker { stroke-width: 1; opacity: .5; }
    line.red, path.red { stroke: var(--red); } line.blue, path.blue { stroke: var(--blue); } line.soft, path.soft { stroke: var(--soft); }
    line.gold, path.gold { stroke: var(--gold); } line.green, path.green { stroke: var(--green); }
    circle.gold { fill: var(--gold); } circle.green { fill: var(--green); }
    circle.red { fill: var(--red); } circle.blue { fill: var(--blue); } circle.soft { fill: var(--soft); }
  </style>
  <rect class="page" x=".5" y=".5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="8"/>
  ${parts}
</svg>`;
