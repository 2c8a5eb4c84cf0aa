/**
 * The accuracy table from the cells that are finished: a method a row, a data set a column, and how the
 * served graph compares with float32; then, over all seeds, how close the best task is to fine-tuning.
 */
import { markdownTable } from "../../src/report/text.ts";
import { mean, percent, seedsText } from "../stats.ts";
import type { CellResult } from "./results.ts";
import { TABLE_METHODS, TASK_METHODS } from "./plan.ts";
import type { Contender } from "./plan.ts";
import { TASKS, TASK_IDS } from "./tasks.ts";
import type { TaskId } from "./tasks.ts";

const MISSING = "-";

/** Rows of cells, the first one the header. Cells of seed 0 with their interval, in percent. */
export function accuracyRows(
  results: readonly CellResult[],
  tasks: readonly TaskId[] = TASK_IDS,
): string[][] {
  const first = results.filter(({ seed }) => seed === 0);
  const row = (name: string, cell: (task: TaskId) => string): string[] => [
    name,
    ...tasks.map(cell),
  ];
  return [
    ["", ...tasks.map(nameOf)],
    ...TABLE_METHODS.map((method) =>
      row(method, (task) => {
        const cell = first.find((own) => own.task === task && own.method === method);
        return cell ? `${percent(cell.score)} (${interval(cell)})` : MISSING;
      }),
    ).filter(([, ...cells]) => cells.some((text) => text !== MISSING)),
    row("served int8 - fp32", (task) => {
      const differences = results
        .filter((cell) => cell.task === task)
        .flatMap(({ score, fp32_score: fp32 }) => (fp32 === null ? [] : [score - fp32]));
      if (differences.length === 0) return MISSING;
      const [low, high] = [Math.min(...differences), Math.max(...differences)];
      return low === high ? signed(low) : `${signed(low)} to ${signed(high)}`;
    }),
  ];
}

/**
 * A row for each data set: of what is served, the method with the best mean, and fine-tuning, each with its
 * scores by seed; then the difference of the means. The last row is the mean of these differences.
 */
export function closenessRows(results: readonly CellResult[]): string[][] {
  const seedsOf = (task: TaskId, method: Contender): CellResult[] =>
    results
      .filter((cell) => cell.task === task && cell.method === method)
      .sort((a, b) => a.seed - b.seed);
  const differences: number[] = [];
  const rows = TASK_IDS.flatMap((task) => {
    const full = seedsOf(task, "full");
    const [best] = TASK_METHODS.map((method) => seedsOf(task, method))
      .filter((cells) => cells.length > 0)
      .sort((a, b) => meanOf(b) - meanOf(a));
    if (!best || full.length === 0) return [];
    const difference = meanOf(best) - meanOf(full);
    differences.push(difference);
    const sure = Math.hypot(halfOf(best), halfOf(full));
    return [
      [
        nameOf(task),
        best[0]!.method,
        seedsText(scoresOf(best)),
        seedsText(scoresOf(full)),
        `${signed(difference)} ± ${percent(sure)}`,
      ],
    ];
  });
  if (rows.length === 0) return [];
  return [
    ["", "best task", "its scores", "full", "difference"],
    ...rows,
    ["mean", "", "", "", signed(mean(differences))],
  ];
}

/** What docs/accuracy.md says: a table for each type of task, and how close the best tasks are. */
export function accuracyMarkdown(results: readonly CellResult[]): string {
  const tables = (["token", "sequence"] as const).map((type) =>
    accuracyRows(
      results,
      TASK_IDS.filter((task) => TASKS[task].type === type),
    ),
  );
  return [...tables, closenessRows(results)]
    .filter((rows) => rows.length > 0)
    .map(markdownTable)
    .join("\n\n");
}

const nameOf = (task: TaskId): string => `${TASKS[task].title} ${TASKS[task].split}`;
const scoresOf = (cells: readonly CellResult[]): number[] => cells.map(({ score }) => score);
const meanOf = (cells: readonly CellResult[]): number => mean(scoresOf(cells));

const interval = ({ interval: [low, high] }: CellResult): string =>
  `${percent(low)}-${percent(high)}`;

/** Half of the interval over the reported rows, which are the same for every seed. */
const halfOf = (cells: readonly CellResult[]): number =>
  mean(cells.map(({ interval: [low, high] }) => (high - low) / 2));

function signed(share: number): string {
  const text = (100 * share).toFixed(2);
  return share > 0 ? `+${text}` : text;
}
