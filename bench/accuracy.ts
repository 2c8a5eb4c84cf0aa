/**
 * The accuracy table: methods on public data sets, each cell trained, chosen on rows that are not
 * reported and measured on the graph that serves. A cell is one resumable run that ends as one file
 * of bench/results/accuracy; docs/accuracy.md shows those files as tables.
 */
import { UsageError, defineCommand, readInteger, required } from "../scripts/cli/command.ts";
import type { Command } from "../scripts/cli/command.ts";
import { METHODS } from "../src/learn/methods.ts";
import { MismatchError } from "../src/core/errors.ts";
import { RECIPES, TABLE_METHODS, cellName, chosenCells } from "./accuracy/plan.ts";
import type { Cell } from "./accuracy/plan.ts";
import { RESULTS, readResult, readResults, writeResult } from "./accuracy/results.ts";
import type { CellResult } from "./accuracy/results.ts";
import { MAX_ROWS } from "./accuracy/settings.ts";
import { accuracyRows, closenessRows } from "./accuracy/table.ts";
import { TASK_IDS } from "./accuracy/tasks.ts";
import { table } from "./stats.ts";
import { readList } from "./training/settings.ts";

export const bench: Command = defineCommand({
  summary: "accuracy of every method on six public data sets, against fine-tuning",
  usage: "--data DIR --base INT8_DIR --fp32 FP32_DIR [--only TASK,..] [--methods M,..] | --table",
  example:
    "npx edge-prefix bench accuracy --data data --base models/minilm --fp32 models/minilm-fp32\n" +
    "npx edge-prefix bench accuracy --data data --base models/minilm --fp32 models/minilm-fp32 --only wnut17 --methods prefix,full --seeds 3\n" +
    "npx edge-prefix bench accuracy --table",
  options: {
    data: { type: "string", value: "DIR", hint: "folder of the data sets, one folder each" },
    base: {
      type: "string",
      value: "DIR",
      hint: "8-bit base: what tasks are trained and served on",
    },
    fp32: { type: "string", value: "DIR", hint: "the same checkpoint imported with --dtype fp32" },
    "pairs-start": {
      type: "string",
      value: "DIR",
      hint: "start that pretrain made of pairs on the 8-bit base, for prefix-bias-pairs",
    },
    "tone-start": {
      type: "string",
      value: "DIR",
      hint: "start that pretrain made of tweets on the 8-bit base, for prefix-bias-tone",
    },
    only: { type: "string", value: "TASK,..", hint: `some of ${TASK_IDS.join(", ")}` },
    methods: { type: "string", value: "M,..", hint: `some of ${TABLE_METHODS.join(", ")}` },
    seeds: {
      type: "string",
      value: "N",
      hint: "the seeds 0 to N-1 of each cell (as the table has them: 3 of full, and of the method closest to it)",
    },
    "max-rows": {
      type: "string",
      value: "N",
      default: String(MAX_ROWS),
      hint: "training rows of a cell",
    },
    threads: { type: "string", value: "N", hint: "threads of training (one a core)" },
    work: {
      type: "string",
      value: "DIR",
      default: ".cache/accuracy",
      hint: "where interrupted cells are saved",
    },
    results: { type: "string", value: "DIR", default: RESULTS, hint: "where finished cells go" },
    redo: { type: "boolean", hint: "make cells again that are finished" },
    table: { type: "boolean", hint: "print the table of the finished cells, and nothing else" },
  },
  async run({ values, io }) {
    const folder = values.results;
    if (values.table === true) {
      const results = readResults(folder);
      io.out(io.json ? JSON.stringify(results) : tableText(results));
      return 0;
    }
    const cells = chosenCells({
      tasks: readList(values.only, "--only", TASK_IDS),
      methods: readList(values.methods, "--methods", [...METHODS, ...RECIPES]),
      seeds: readInteger(values.seeds, "--seeds", { min: 1, max: 100 }),
    });
    if (cells.length === 0) throw new UsageError("--only and --methods leave no cell of the table");
    const maxRows = readInteger(values["max-rows"], "--max-rows", { min: 1 })!;
    const threads = readInteger(values.threads, "--threads", { min: 1, max: 1024 });
    const data = required(values.data, "--data");
    const dirs = [required(values.base, "--base"), required(values.fp32, "--fp32")] as const;
    const { readBaseFolder } = await import("../scripts/base/base-folder.ts");
    const { runCell } = await import("./accuracy/cell.ts");
    const [int8, fp32] = [await readBaseFolder(dirs[0]), await readBaseFolder(dirs[1])];
    if (int8.manifest.checkpoint !== fp32.manifest.checkpoint) {
      throw new MismatchError(
        "bases-differ",
        `${dirs[0]} and ${dirs[1]}: are imports of different checkpoints, expected two of one`,
      );
    }
    const note = (line: string): void => io.err(line);
    const { signal } = io;
    const { work } = values;
    const starts = { pairs: values["pairs-start"], tone: values["tone-start"] };
    const options = { data, int8, fp32, starts, work, threads, maxRows, signal, note };

    let failed = 0;
    for (const [i, cell] of cells.entries()) {
      const title = `${cellName(cell)} (${i + 1} of ${cells.length})`;
      const finished = values.redo === true ? null : readResult(folder, cell);
      if (finished) {
        note(`${title}: is there, ${scoreText(finished)}`);
        continue;
      }
      note(title);
      const result = await runCell(cell, options).catch((error: unknown) => {
        // One cell that cannot be made must not cost the hours of the others.
        note(`${title}: failed: ${error instanceof Error ? error.message : String(error)}`);
        failed += 1;
        return undefined;
      });
      if (result === null) {
        note(`${title}: interrupted and saved; the same command goes on with it`);
        return 130;
      }
      if (result) {
        await writeResult(folder, result);
        note(`${title}: ${scoreText(result)} in ${result.seconds} s`);
      }
    }
    const made = cells
      .map((cell: Cell) => readResult(folder, cell))
      .filter((cell) => cell !== null);
    io.out(io.json ? JSON.stringify(made) : tableText(made));
    return failed === 0 ? 0 : 1;
  },
});

function tableText(results: readonly CellResult[]): string {
  const tables = [accuracyRows(results), closenessRows(results)].filter((rows) => rows.length > 0);
  return tables.map(table).join("\n\n");
}

function scoreText({ metric, score, interval: [low, high], fp32_score: fp32 }: CellResult): string {
  const twin = fp32 === null ? "" : `, fp32 ${fp32.toFixed(4)}`;
  return `${metric} ${score.toFixed(4)} (${low.toFixed(4)}-${high.toFixed(4)})${twin}`;
}
