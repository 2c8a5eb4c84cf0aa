/** Finished cells as files of bench/results/starts/BASE, and the table of them. */
import { join } from "node:path";
import type { Outcome } from "../ladder/results.ts";
import { formatCount, markdownTable, plural } from "../../src/report/text.ts";
import { readCell, readCells, writeCell } from "../cell-files.ts";
import type { Provenance } from "../provenance.ts";
import { seedsText } from "../stats.ts";
import { ROW_COUNTS, STARTED_BY, STARTED_TASKS, TITLES, cellName } from "./plan.ts";
import type { Cell, StartedTask } from "./plan.ts";

export const RESULTS = new URL("../results/starts/", import.meta.url).pathname;

export interface StartResult extends Cell, Outcome, Provenance {
  readonly bench: "starts";
  /** Name of the start, whichever of the contenders this is. */
  readonly start: string;
  readonly base: { readonly name: string; readonly identity: string };
  readonly train_rows: number;
  readonly test_rows: number;
}

export const writeResult = (folder: string, result: StartResult): Promise<void> =>
  writeCell(join(folder, result.base.name), cellName(result), result);

/** A finished cell; null when there is none. */
export const readResult = (folder: string, base: string, cell: Cell): StartResult | null =>
  readCell(join(folder, base), cellName(cell));

/** All finished cells of a base. */
export const readResults = (folder: string, base: string): StartResult[] =>
  readCells(join(folder, base));

/** A row for each task and number of rows: mean accuracy in percent, with the seeds behind it. */
export function startRows(results: readonly StartResult[]): string[][] {
  const rows = STARTED_TASKS.flatMap((task) =>
    ROW_COUNTS.flatMap((count) => {
      const own = results.filter((result) => result.task === task && result.rows === count);
      if (own.length === 0) return [];
      const cells = STARTED_BY.map((by) => scoresText(own.filter((result) => result.by === by)));
      return [[TITLES[task], `${own[0]!.train_rows}`, ...cells]];
    }),
  );
  const start = results[0]?.start ?? "the start";
  return [["", "rows", "train", "prefix-bias", `prefix-bias from ${start}`], ...rows];
}

const MEASURED_ON: Readonly<Record<StartedTask, string>> = {
  sick: "others of its pairs",
  rte: "dev rows",
  "same-question": "pairs of banking77's test questions",
};

/** What docs/training.md says: the table, and how it was measured. */
export function startsMarkdown(results: readonly StartResult[]): string {
  const { base, machine } = results[0]!;
  const commits = [...new Set(results.map(({ commit }) => commit))].join(", ");
  const measured = STARTED_TASKS.flatMap((task) => {
    const found = results.find((result) => result.task === task);
    return found ? [`${TITLES[task]} on ${formatCount(found.test_rows)} ${MEASURED_ON[task]}`] : [];
  });
  return [
    markdownTable(startRows(results)),
    "",
    `Accuracy in percent on the base ${base.name}, with the seeds behind a mean; a seed draws the rows that are learned from. Measured are ${new Intl.ListFormat("en").format(measured)}. \`npx edge-prefix bench starts --data DATA\`, commit ${commits}, ${plural(machine.cores, "core")} of an ${machine.cpu}, Node ${machine.node.slice(1)}.`,
  ].join("\n");
}

function scoresText(results: readonly StartResult[]): string {
  if (results.length === 0) return "-";
  const scores = results.toSorted((a, b) => a.seed - b.seed).map(({ score }) => score);
  return seedsText(scores);
}
