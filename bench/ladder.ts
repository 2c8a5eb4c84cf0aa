/**
 * The ladder: how good a task is without a row, with 4 rows a class, 8, 16 and so on up to 5,000 rows in
 * all, beside a head alone and, where a Python with SetFit is named, SetFit on the same rows. A cell is a set, a number of rows, a draw and
 * a contender; it ends as one file of bench/results/ladder, and a run goes on with those that are missing.
 */
import { join } from "node:path";
import { BUNDLED_BASE, baseFolder } from "../scripts/base/names.ts";
import { UsageError, defineCommand, readInteger, required } from "../scripts/cli/command.ts";
import type { Command } from "../scripts/cli/command.ts";
import { drawOf, writeDraw } from "./ladder/draws.ts";
import {
  MADE_CONTENDERS,
  ROW_COUNTS,
  USUAL_CONTENDERS,
  cellName,
  chosenCells,
  drawName,
} from "./ladder/plan.ts";
import type { Cell, Contender, MadeContender } from "./ladder/plan.ts";
import type { Model } from "./ladder/cell.ts";
import { RESULTS, SETFIT_MODEL, readLadder, readResult, writeResult } from "./ladder/results.ts";
import type { LadderResult } from "./ladder/results.ts";
import { SETS, SET_IDS, readSet } from "./ladder/sets.ts";
import type { SetId, SetRows } from "./ladder/sets.ts";
import { summaryOf } from "./ladder/summary.ts";
import { ladderRows, summaryLines } from "./ladder/table.ts";
import { table } from "./stats.ts";
import { readList } from "./training/settings.ts";

/** SetFit makes 40 pairs of each row: beyond this a draw takes it half an hour. */
const SETFIT_ROWS = 700;
const SETFIT: Model = { name: SETFIT_MODEL, identity: null };

export const bench: Command = defineCommand({
  summary: "accuracy without a row, with 4, 8, 16 .. a class, and up to 5,000 rows",
  usage: "--data DIR [--base DIR] [--python PATH --checkpoint DIR] | --table | --write DIR",
  example:
    "npx edge-prefix bench ladder --data data --base models/minilm --rows 8\n" +
    "npx edge-prefix bench ladder --data data --sets sst2,agnews --rows 8 --python venv/bin/python --checkpoint all-MiniLM-L6-v2\n" +
    "npx edge-prefix bench ladder --table",
  options: {
    data: { type: "string", value: "DIR", hint: "folder of the data sets, one folder each" },
    base: { type: "string", value: "DIR", hint: "base folder (default: the bundled one)" },
    sets: { type: "string", value: "SET,..", hint: `some of ${SET_IDS.join(", ")}` },
    rows: {
      type: "string",
      value: "N,..",
      hint: `rows a class up to 64, else rows in all; some of ${ROW_COUNTS.join(", ")}`,
    },
    draws: { type: "string", value: "N", hint: "the draws 0 to N-1 of each cell (1 to 5)" },
    contenders: {
      type: "string",
      value: "C,..",
      hint: `some of ${MADE_CONTENDERS.join(", ")} (default: ${USUAL_CONTENDERS.join(", ")}, start with --start, setfit with --python)`,
    },
    start: { type: "string", value: "DIR", hint: "pretrained start for pairs of texts" },
    python: { type: "string", value: "PATH", hint: "interpreter with the package setfit" },
    checkpoint: {
      type: "string",
      value: "DIR",
      hint: "Hugging Face checkpoint that SetFit trains: the one that the base was imported from",
    },
    "setfit-rows": {
      type: "string",
      value: "N",
      default: String(SETFIT_ROWS),
      hint: "no SetFit where a draw has more rows",
    },
    threads: { type: "string", value: "N", default: "2", hint: "threads of each contender" },
    results: { type: "string", value: "DIR", default: RESULTS, hint: "where finished cells go" },
    redo: { type: "boolean", hint: "make cells again that are finished" },
    table: { type: "boolean", hint: "print the table of the finished cells, and nothing else" },
    write: {
      type: "string",
      value: "DIR",
      hint: "write the chosen draws as DIR/SET-ROWS-DRAW/train.jsonl and test.jsonl, and nothing else",
    },
  },
  async run({ values, io }) {
    const folder = values.results;
    const base = baseFolder(values.base) ?? BUNDLED_BASE;
    const { readBaseFolder } = await import("../scripts/base/base-folder.ts");
    const { manifest } = await readBaseFolder(base);
    const own: Model = { name: manifest.name, identity: manifest.identity };
    const modelOf = (contender: Contender): Model => (contender === "setfit" ? SETFIT : own);
    const note = (line: string): void => io.err(line);

    const show = (): void => {
      const results = readLadder(folder, own.name);
      if (io.json) io.out(JSON.stringify({ results, ...summaryOf(results) }));
      else io.out([table(ladderRows(results)), "", ...summaryLines(results)].join("\n"));
    };
    if (values.table === true) {
      show();
      return 0;
    }

    const usual: readonly MadeContender[] = [
      ...USUAL_CONTENDERS,
      ...(values.start === undefined ? [] : (["start"] as const)),
      ...(values.python === undefined ? [] : (["setfit"] as const)),
    ];
    const cells = chosenCells({
      sets: readList(values.sets, "--sets", SET_IDS),
      rows: readList(values.rows, "--rows", ROW_COUNTS),
      draws: readInteger(values.draws, "--draws", { min: 1, max: 100 }),
      contenders: readList(values.contenders, "--contenders", MADE_CONTENDERS) ?? usual,
    });
    if (cells.length === 0) throw new UsageError("--sets and --rows leave no cell of the ladder");
    const threads = readInteger(values.threads, "--threads", { min: 1, max: 1024 })!;
    const setFitRows = readInteger(values["setfit-rows"], "--setfit-rows", { min: 1 })!;
    const data = required(values.data, "--data");
    const rowsOf = rememberLast((set: SetId) => readSet(set, data));
    const drawnRows = async ({ set, rows, draw }: Cell) =>
      drawOf(set, await rowsOf(set), rows, draw);

    if (values.write !== undefined) {
      for (const cell of new Map(cells.map((each) => [drawName(each), each])).values()) {
        const { type } = SETS[cell.set];
        const { train } = await writeDraw(
          join(values.write, drawName(cell)),
          await drawnRows(cell),
          type,
        );
        io.out(train);
      }
      return 0;
    }
    const setFit = cells.some(({ contender }) => contender === "setfit")
      ? {
          python: required(values.python, "--python"),
          checkpoint: required(values.checkpoint, "--checkpoint"),
        }
      : null;
    const start = cells.some(({ contender }) => contender === "start")
      ? required(values.start, "--start")
      : null;
    const { runCell } = await import("./ladder/cell.ts");
    const { signal } = io;
    let failed = 0;
    for (const [i, cell] of cells.entries()) {
      const title = `${cellName(cell)} (${i + 1} of ${cells.length})`;
      const model = modelOf(cell.contender);
      const finished = values.redo === true ? null : readResult(folder, model.name, cell);
      if (finished) {
        note(`${title}: is there, ${scoreText(finished)}`);
        continue;
      }
      const draw = await drawnRows(cell);
      if (cell.contender === "setfit" && draw.train.length > setFitRows) {
        note(`${title}: left out, ${draw.train.length} rows (--setfit-rows ${setFitRows})`);
        continue;
      }
      note(title);
      const options = { base, model, setFit, start, threads, signal, note };
      const result = await runCell(cell, draw, options).catch((error: unknown) => {
        // One cell that cannot be made must not cost the time of the others.
        note(`${title}: failed: ${error instanceof Error ? error.message : String(error)}`);
        failed += 1;
        return undefined;
      });
      if (result === null) {
        note(`${title}: interrupted; the same command makes it and those that are missing`);
        return 130;
      }
      if (result) {
        await writeResult(folder, result);
        note(`${title}: ${scoreText(result)} in ${result.seconds.toFixed(1)} s`);
      }
    }
    show();
    return failed === 0 ? 0 : 1;
  },
});

/** Keeps the last answer: the cells of a set follow each other. */
function rememberLast(read: (set: SetId) => Promise<SetRows>): (set: SetId) => Promise<SetRows> {
  let last: { readonly set: SetId; readonly rows: Promise<SetRows> } | undefined;
  return (set) => {
    if (last?.set !== set) last = { set, rows: read(set) };
    return last.rows;
  };
}

const scoreText = ({ metric, score, reported }: LadderResult): string => {
  const own = reported
    ? `, reported ${reported.score.toFixed(4)} (${reported.interval.map((end) => end.toFixed(4)).join("-")})`
    : "";
  return `${metric} ${score.toFixed(4)}${own}`;
};
