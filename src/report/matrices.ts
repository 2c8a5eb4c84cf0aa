/**
 * Charts of squares. The confusion matrix has truths down and answers across: few labels get their
 * names and counts; with many the matrix becomes a texture in which a stray dot is a confusion, read
 * beside the table of the most frequent ones. The heat map of a sweep has a row for each prompt length
 * and a column for each learning rate. What is right is grey, what is wrong has the colour.
 */
import type { ConfusionCell, SweepCell, SweepFacts } from "./facts.ts";
import { markup } from "./html.ts";
import type { Markup, Part } from "./html.ts";
import { rect, svg, text, xy } from "./svg.ts";
import { formatCount, formatShare, formatNumber, formatScore, metricName } from "./text.ts";

/** Up to so many labels, names and numbers are legible. */
const MAX_NAMED = 14;
const TEXTURE_SIZE = 420;

/** The confusion matrix. `labels` gives the order; other true labels stand after them. */
export function confusionMatrix(
  cells: readonly ConfusionCell[],
  labels: readonly string[],
): Markup {
  const order = new Map([...labels, ...cells.map(({ truth }) => truth)].map((l) => [l, 0]));
  for (const [i, label] of [...order.keys()].entries()) order.set(label, i);
  const totals = totalsOf(cells);
  const names = [...order.keys()];
  const isNamed = names.length <= MAX_NAMED;
  const size = isNamed
    ? Math.min(52, Math.max(24, 230 / names.length))
    : Math.min(14, Math.max(2, TEXTURE_SIZE / names.length));
  const longest = Math.max(...names.map((name) => short(name).length));
  const [left, top] = isNamed ? [longest * 6.8 + 10, columnRoom(names, size)] : [16, 20];
  const extent = names.length * size;

  const draw = ({ truth, answer, count }: ConfusionCell): Part => {
    const x = left + order.get(answer)! * size;
    const y = top + order.get(truth)! * size;
    const share = count / totals.get(truth)!;
    const isRight = truth === answer;
    // A single confusion must still be seen in a texture.
    const opacity = isNamed ? share : 0.4 + 0.6 * share;
    return [
      rect(x + 0.5, y + 0.5, size - 1, size - 1, isRight ? "right" : "wrong", {
        opacity,
        title: `${truth}, answered ${answer}: ${formatCount(count)} of ${formatCount(totals.get(truth)!)} (${formatShare(share)})`,
      }),
      isNamed &&
        text(x + size / 2, y + size / 2 + 4, formatCount(count), {
          anchor: "middle",
          kind: opacity > 0.85 ? "on-dark" : "value",
        }),
    ];
  };
  const known = cells.filter(({ answer }) => order.has(answer));
  return svg(
    left + extent + (isNamed ? overhang(names, size) : 2),
    top + extent + 2,
    `Confusion matrix of ${names.length} labels`,
    rect(left, top, extent, extent, "plate"),
    known.map(draw),
    isNamed
      ? [
          names.map((name, i) =>
            text(left - 6, top + (i + 0.5) * size + 4, short(name), { anchor: "end" }),
          ),
          names.map((name, i) => columnName(name, left + (i + 0.5) * size, top - 6, names, size)),
        ]
      : [
          text(left, 12, "answer →"),
          markup`<text class="note" text-anchor="end" transform="translate(11 ${xy(top)}) rotate(-90)">← truth</text>`,
        ],
  );
}

/** Names stand upright where all fit their columns, and slanted where one does not. */
const isUpright = (names: readonly string[], size: number): boolean =>
  names.every((name) => short(name).length * 6.8 <= size);

function columnName(name: string, x: number, y: number, names: readonly string[], size: number) {
  if (isUpright(names, size)) return text(x, y, short(name), { anchor: "middle" });
  return markup`<text class="note" transform="translate(${xy(x + 3)} ${xy(y)}) rotate(-50)">${short(name)}</text>`;
}

const longestName = (names: readonly string[]): number =>
  Math.max(...names.map((name) => short(name).length)) * 6.8;
const columnRoom = (names: readonly string[], size: number): number =>
  isUpright(names, size) ? 20 : longestName(names) * Math.sin((50 * Math.PI) / 180) + 18;
/** Room for the slanted name of the last column. */
const overhang = (names: readonly string[], size: number): number =>
  isUpright(names, size)
    ? 2
    : Math.max(
        2,
        short(names.at(-1)!).length * 6.8 * Math.cos((50 * Math.PI) / 180) - size / 2 + 10,
      );

const MAX_NAME = 18;
const short = (name: string): string =>
  [...name].length > MAX_NAME ? `${[...name].slice(0, MAX_NAME - 1).join("")}…` : name;

/** How often each label is true. */
function totalsOf(cells: readonly ConfusionCell[]): Map<string, number> {
  const totals = new Map<string, number>();
  for (const { truth, count } of cells) totals.set(truth, (totals.get(truth) ?? 0) + count);
  return totals;
}

/** A confusion, and what share of the rows with that truth it takes. */
export interface Confusion extends ConfusionCell {
  readonly share: number;
}

/** The most frequent wrong answers; among equals the larger share first, then by name. */
export function topConfusions(cells: readonly ConfusionCell[], limit: number): Confusion[] {
  const totals = totalsOf(cells);
  return cells
    .filter(({ truth, answer }) => truth !== answer)
    .map((cell) => ({ ...cell, share: cell.count / totals.get(cell.truth)! }))
    .sort(
      (a, b) =>
        b.count - a.count ||
        b.share - a.share ||
        (a.truth + a.answer < b.truth + b.answer ? -1 : 1),
    )
    .slice(0, limit);
}

/** Places of the heat map. */
const LEFT = 44;
const TOP = 44;
const CELL_HEIGHT = 40;
const MAX_WIDTH = 340;

/**
 * Darker is better. A cell shows its score and below it how sure that is: half the width of the
 * interval, or, for a pair that was stopped early, the share of a full run it was given.
 */
export function sweepHeatMap({ cells, chosen, scoreName }: SweepFacts): Markup {
  const rates = [...new Set(cells.map((cell) => cell.learningRate))].sort((a, b) => a - b);
  const lengths = [...new Set(cells.map((cell) => cell.numVirtualTokens))].sort((a, b) => a - b);
  const cellWidth = Math.min(72, Math.max(44, (MAX_WIDTH - LEFT - 2) / rates.length));
  const scores = cells.map(({ score }) => score);
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  const width = LEFT + rates.length * cellWidth + 2;
  const height = TOP + lengths.length * CELL_HEIGHT + 2;

  const draw = (cell: SweepCell): Part => {
    const x = LEFT + rates.indexOf(cell.learningRate) * cellWidth;
    const y = TOP + lengths.indexOf(cell.numVirtualTokens) * CELL_HEIGHT;
    const isChosen =
      cell.numVirtualTokens === chosen.numVirtualTokens &&
      cell.learningRate === chosen.learningRate;
    const shade = high > low ? 0.06 + 0.84 * ((cell.score - low) / (high - low)) : 0.5;
    const kind = shade > 0.5 ? "on-dark" : "value";
    return [
      rect(x + 1, y + 1, cellWidth - 2, CELL_HEIGHT - 2, "heat", {
        opacity: shade,
        title: `${cell.numVirtualTokens} virtual tokens, learning rate ${formatNumber(cell.learningRate)}: ${metricName(scoreName)} ${formatScore(cell.score)}, ${cell.seeds} seeds, ${formatShare(cell.budget)} of a full run`,
      }),
      text(x + cellWidth / 2, y + 18, formatScore(cell.score), {
        anchor: "middle",
        kind,
      }),
      text(x + cellWidth / 2, y + 32, sureness(cell), { anchor: "middle", kind }),
      isChosen && rect(x + 1, y + 1, cellWidth - 2, CELL_HEIGHT - 2, "chosen"),
    ];
  };
  return svg(
    width,
    height,
    `Sweep: best ${metricName(scoreName)} with ${chosen.numVirtualTokens} virtual tokens and learning rate ${formatNumber(chosen.learningRate)}`,
    text(width - 2, 12, "learning rate", { anchor: "end" }),
    text(0, 12, "virtual tokens"),
    rates.map((rate, i) =>
      text(LEFT + (i + 0.5) * cellWidth, TOP - 8, formatNumber(rate), { anchor: "middle" }),
    ),
    lengths.map((length, i) =>
      text(LEFT - 10, TOP + (i + 0.5) * CELL_HEIGHT + 4, String(length), { anchor: "end" }),
    ),
    cells.map(draw),
  );
}

function sureness({ interval, budget }: SweepCell): string {
  if (budget < 1) return formatShare(budget);
  return interval ? `± ${((interval[1] - interval[0]) / 2).toFixed(3)}` : "";
}
