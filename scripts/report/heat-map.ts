/** The sweep as a heat map: a row for each prompt length, a column for each learning rate. */
import type { SweepCell, SweepFacts } from "./facts.ts";
import type { Markup, Part } from "./markup.ts";
import { formatNumber, formatScore, formatShare, metricName } from "./numbers.ts";
import { rect, svg, text } from "./svg.ts";

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
