/** The ladder as text: a row for each set and number of rows, then what the cells say together. */
import { formatBytes, formatCount, markdownTable, plural } from "../../src/report/text.ts";
import { meanScore } from "../../scripts/runs/trial/statistics.ts";
import { median } from "../stats.ts";
import { isByClass } from "./draws.ts";
import { CONTENDERS, CONTENDER_TITLES, countsOf } from "./plan.ts";
import type { LadderResult } from "./results.ts";
import { SETS, SET_IDS } from "./sets.ts";
import type { SetId } from "./sets.ts";
import { cellsAt, summaryOf } from "./summary.ts";
import type { Comparison, Rung, Step } from "./summary.ts";

const MISSING = "-";

/** Rows of cells, the first one the header: means over the draws in percent, with the lowest and highest. */
export function ladderRows(results: readonly LadderResult[]): string[][] {
  const shown = CONTENDERS.filter((name) => results.some(({ contender }) => contender === name));
  const rows = SET_IDS.flatMap((set) =>
    countsOf(set).flatMap((count) => {
      const cells = shown.map((contender) => cellsAt(results, { set, rows: count, contender }));
      if (cells.every(({ length }) => length === 0)) return [];
      const draws = Math.max(...cells.map(({ length }) => length));
      return [
        [
          SETS[set].title,
          countText(set, count),
          String(draws),
          ...cells.map(scoresText),
          ...cells.map(secondsText),
        ],
      ];
    }),
  );
  const titles = shown.map((contender) => CONTENDER_TITLES[contender]);
  return [["", "rows", "draws", ...titles, ...titles.map((title) => `${title} s`)], ...rows];
}

function scoresText(cells: readonly LadderResult[]): string {
  if (cells.length === 0) return MISSING;
  const scores = cells.map(({ score }) => score);
  const mean = percent(meanScore(scores).mean);
  if (scores.length === 1) return mean;
  return `${mean} (${percent(Math.min(...scores))}-${percent(Math.max(...scores))})`;
}

const secondsText = (cells: readonly LadderResult[]): string =>
  cells.length === 0 ? MISSING : median(cells.map(({ seconds }) => seconds)).toFixed(1);

/** Whether a base's own cells are there, beside those of SetFit. */
export const hasOwnCells = (results: readonly LadderResult[]): boolean =>
  results.some(({ contender }) => contender === "train");

/** What docs/few-rows.md says of a base: a table, and what the cells say together. */
export function ladderMarkdown(results: readonly LadderResult[]): string {
  if (!hasOwnCells(results)) {
    return "There are no figures yet: `npx edge-prefix bench ladder --help` says how they are made.";
  }
  return [
    markdownTable(ladderRows(results)),
    summaryLines(results)
      .map((line) => `- ${line}`)
      .join("\n"),
    madeOn(results),
  ].join("\n\n");
}

/** The machines of the cells, each with the commits that it measured. */
function madeOn(results: readonly LadderResult[]): string {
  const machines = Map.groupBy(results, ({ machine }) => {
    const { cpu, vectors, cores, node } = machine;
    return `${plural(cores, "core")} of an ${cpu}${vectors ? ` with ${vectors}` : ""}, Node ${node.slice(1)}`;
  });
  const lines = [...machines].map(([machine, cells]) => {
    const commits = [...new Set(cells.map(({ commit }) => commit ?? "unknown"))].sort();
    return `${machine}, commit ${commits.join(", ")}`;
  });
  return `Measured on ${lines.join("; ")}.`;
}

/** Sentences on all cells. */
export function summaryLines(results: readonly LadderResult[]): string[] {
  const { comparisons, steps, reported, max_bytes: bytes } = summaryOf(results);
  const down = steps.filter(({ interval: [, high] }) => high < 0);
  return [
    ...comparisons.map(comparisonLine),
    steps.length > 0 &&
      (down.length > 0
        ? `more rows make train worse, by more than the interval of the difference: ${down.map(stepText).join("; ")}`
        : `more rows make train worse by more than the interval of the difference in none of ${steps.length} steps`),
    reported.length > 0 &&
      `the test score is within the interval that the task itself reported: ${reported.map(({ inside, draws, ...rung }) => `${inside} of ${plural(draws, "draw")} of ${rungText(rung)}`).join(", ")}`,
    bytes !== null && `largest task: ${formatBytes(bytes)}`,
    missingLine(results),
  ].filter((line) => line !== false);
}

function comparisonLine({ against, difference, sets, ...rest }: Comparison): string {
  const { seconds_ratio: ratio } = rest;
  const draws = sets.reduce((sum, set) => sum + set.draws, 0);
  const [worst] = sets;
  const bounds = worst!.interval;
  const sure = bounds ? ` (${bounds.map(signed).join(" to ")})` : "";
  return [
    `${rungText(rest)}, train beside ${CONTENDER_TITLES[against]}: ${signed(difference)} points on average`,
    `${SETS[worst!.set].title} the worst with ${signed(worst!.difference)}${sure}`,
    `${factor(ratio.median)} times as long, at most ${factor(ratio.max)}`,
    `${plural(sets.length, "set")}, ${plural(draws, "draw")}`,
  ].join("; ");
}

/** "41", "3.9", "0.27" */
const factor = (ratio: number): string =>
  ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(ratio >= 2 ? 1 : 2);

const stepText = ({ set, from, to, difference, interval: [low, high] }: Step): string =>
  `${SETS[set].title} from ${countText(set, from)} to ${countText(set, to)}: ${signed(difference)} (${signed(low)} to ${signed(high)})`;

const rungText = ({ type, rows }: Rung): string =>
  type === "token" ? `${formatCount(rows)} sentences` : textCount(rows);

/** "0 rows", "8 a class", "1,000" */
const countText = (set: SetId, rows: number): string =>
  rows > 0 && isByClass(set, rows) ? `${rows} a class` : formatCount(rows);

/** "0 rows", "8 rows a class", "1,000 rows" */
export const textCount = (rows: number): string =>
  rows > 0 && isByClass("sst2", rows) ? `${rows} rows a class` : `${formatCount(rows)} rows`;

/** The places of `train`'s curves that no cell has, by set. */
function missingLine(results: readonly LadderResult[]): string | false {
  const missing = SET_IDS.flatMap((set) => {
    const counts = countsOf(set).filter((rows) => {
      const isAsked = rows > 0 || SETS[set].nameOf !== undefined;
      return isAsked && cellsAt(results, { set, rows, contender: "train" }).length === 0;
    });
    if (counts.length === 0) return [];
    return `${SETS[set].title} ${counts.map(formatCount).join(", ")}`;
  });
  return missing.length > 0 && `numbers of rows that are not measured yet: ${missing.join("; ")}`;
}
const percent = (share: number): string => (100 * share).toFixed(1);
const signed = (share: number): string => `${share > 0 ? "+" : ""}${(100 * share).toFixed(1)}`;
