/**
 * The accuracy table from the cells that are finished: a method a row, a data set a column, and
 * below how the best task compares with fine-tuning and the served graph with float32.
 */
import { markdownTable } from "../../src/report/text.ts";
import type { CellResult } from "./results.ts";
import { TABLE_METHODS } from "./plan.ts";
import { TASKS, TASK_IDS } from "./tasks.ts";
import type { TaskId } from "./tasks.ts";

const MISSING = "-";
/** What is served as a task besides the frozen head. */
const TASK_METHODS = ["prefix", "bias", "prefix-bias"];

/** Rows of cells, the first one the header. Cells of seed 0 with their interval, in percent. */
export function accuracyRows(
  results: readonly CellResult[],
  tasks: readonly TaskId[] = TASK_IDS,
): string[][] {
  const first = results.filter(({ seed }) => seed === 0);
  const at = (task: TaskId, method: string) =>
    first.find((cell) => cell.task === task && cell.method === method);
  const row = (name: string, cell: (task: TaskId) => string): string[] => [
    name,
    ...tasks.map(cell),
  ];
  const header = tasks.map((task) => `${TASKS[task].title} ${TASKS[task].split}`);
  return [
    ["", ...header],
    ...TABLE_METHODS.map((method) =>
      row(method, (task) => {
        const cell = at(task, method);
        return cell ? `${percent(cell.score)} (${interval(cell)})` : MISSING;
      }),
    ),
    row("best task - full", (task) => {
      const served = TASK_METHODS.flatMap((method) => at(task, method) ?? []);
      const best = served.toSorted((a, b) => b.score - a.score)[0];
      const full = at(task, "full");
      return best && full ? difference(best, full) : MISSING;
    }),
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

/** Methods that were trained from several seeds: every score and the mean. Empty when none was. */
export function seedRows(results: readonly CellResult[]): string[][] {
  const groups = Map.groupBy(results, ({ task, method }) => `${task} ${method}`);
  const rows = [...groups.values()]
    .filter((cells) => cells.length > 1)
    .map((cells) => {
      const scores = cells.map(({ score }) => score);
      const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
      const { task, method } = cells[0]!;
      return [TASKS[task].title, method, percent(mean), scores.map(percent).join(", ")];
    });
  return rows.length === 0 ? [] : [["", "", "mean", "seeds"], ...rows];
}

/** What docs/accuracy.md says: a table for each type of task, and that of the seeds where there is one. */
export function accuracyMarkdown(results: readonly CellResult[]): string {
  const tables = (["token", "sequence"] as const).map((type) =>
    accuracyRows(
      results,
      TASK_IDS.filter((task) => TASKS[task].type === type),
    ),
  );
  return [...tables, seedRows(results)]
    .filter((rows) => rows.length > 0)
    .map(markdownTable)
    .join("\n\n");
}

const percent = (share: number): string => (100 * share).toFixed(1);
const interval = ({ interval: [low, high] }: CellResult): string =>
  `${percent(low)}-${percent(high)}`;

/** How sure the difference is, as if each score were of rows of its own: of the same rows it is surer. */
function difference(a: CellResult, b: CellResult): string {
  const half = ({ interval: [low, high] }: CellResult): number => (high - low) / 2;
  return `${signed(a.score - b.score)} ± ${percent(Math.hypot(half(a), half(b)))}`;
}

function signed(share: number): string {
  const text = (100 * share).toFixed(2);
  return share > 0 ? `+${text}` : text;
}
