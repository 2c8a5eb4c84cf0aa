/**
 * The confusion matrix: truths down, answers across. Few labels get their names and counts; with
 * many the matrix becomes a texture in which a stray dot is a confusion, read beside the table of
 * the most frequent ones. What is right is grey, what is wrong has the colour.
 */
import type { ConfusionCell } from "./facts.ts";
import type { Markup, Part } from "./markup.ts";
import { formatCount, formatShare } from "./numbers.ts";
import { rect, svg, text, xy } from "./svg.ts";
import { markup } from "./markup.ts";

/** Up to so many labels, names and numbers are legible. */
export const MAX_NAMED = 14;
const TEXTURE_SIZE = 420;

/** `labels` gives the order; a truth that is not among them comes after them. */
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
/** The slanted name of the last column leans out to the right. */
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
