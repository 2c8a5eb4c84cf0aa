/**
 * What does a start buy tasks about pairs of texts? The same rows are learned by `train` as it is, by
 * the start's method from random numbers, and from the start. A cell is a run that ends as a file of
 * bench/results/starts, so the same command goes on with those that are missing.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import { defineCommand, readInteger, required } from "../scripts/cli/command.ts";
import type { Command } from "../scripts/cli/command.ts";
import { provenance } from "./provenance.ts";
import { RESULTS, readResult, readResults, startRows, writeResult } from "./starts/results.ts";
import { ROW_COUNTS, STARTED_BY, STARTED_TASKS, cellName, specOf } from "./starts/plan.ts";
import { table } from "./stats.ts";
import { readList } from "./training/settings.ts";

export const bench: Command = defineCommand({
  summary: "what a start buys tasks about pairs of texts",
  usage: "--data DIR [--base DIR] [--init DIR|NAME] [--tasks T,..] [--rows N,..] [--seeds N]",
  example:
    "npx edge-prefix bench starts --data data\n" +
    "npx edge-prefix bench starts --data data --base models/minilm --init prefixes/starts/minilm-pairs --tasks rte --rows all",
  options: {
    data: { type: "string", value: "DIR", hint: "folder of the data sets, one folder each" },
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "base folder" },
    init: { type: "string", value: "DIR|NAME", default: "pairs", hint: "the start" },
    tasks: { type: "string", value: "T,..", hint: `some of ${STARTED_TASKS.join(", ")}` },
    rows: { type: "string", value: "N,..", hint: `some of ${ROW_COUNTS.join(", ")}` },
    by: { type: "string", value: "C,..", hint: `some of ${STARTED_BY.join(", ")}` },
    seeds: { type: "string", value: "N", default: "3", hint: "the seeds 0 to N-1" },
    threads: { type: "string", value: "N", default: "1", hint: "threads of training" },
    results: { type: "string", value: "DIR", default: RESULTS, hint: "where finished cells go" },
    redo: { type: "boolean", hint: "make cells again that are finished" },
    table: { type: "boolean", hint: "print the table of the finished cells, and nothing else" },
  },
  async run({ values, io }) {
    const { readBaseFolder } = await import("../scripts/base/base-folder.ts");
    const { manifest } = await readBaseFolder(values.base);
    const { name, identity } = manifest;
    const show = (): void => {
      const results = readResults(values.results, name);
      io.out(io.json ? JSON.stringify(results) : table(startRows(results)));
    };
    if (values.table === true) {
      show();
      return 0;
    }
    const data = required(values.data, "--data");
    const threads = readInteger(values.threads, "--threads", { min: 1, max: 1024 })!;
    const seeds = readInteger(values.seeds, "--seeds", { min: 1, max: 100 })!;
    const tasks = readList(values.tasks, "--tasks", STARTED_TASKS) ?? STARTED_TASKS;
    const counts = readList(values.rows, "--rows", ROW_COUNTS) ?? ROW_COUNTS;
    const contenders = readList(values.by, "--by", STARTED_BY) ?? STARTED_BY;
    const { settledInit, startFolder } = await import("../scripts/runs/task/start-folder.ts");
    const { readPretrainedFolder } = await import("../scripts/runs/task/data-files.ts");
    const folder = startFolder(values.init, ["."]);
    const start = await readPretrainedFolder(folder, manifest);
    const { runOurs } = await import("./ladder/ours.ts");
    const { readPairs, writeRows } = await import("./starts/sets.ts");
    const note = (line: string): void => io.err(line);
    const init = settledInit(values.init);

    for (const task of tasks) {
      const rows = await readPairs(task, data);
      for (const cell of counts.flatMap((count) =>
        Array.from({ length: seeds }, (_, seed) =>
          contenders.map((by) => ({ task, rows: count, by, seed })),
        ).flat(),
      )) {
        const title = cellName(cell);
        const finished = values.redo === true ? null : readResult(values.results, name, cell);
        if (finished) {
          note(`${title}: is there, ${finished.metric} ${finished.score.toFixed(4)}`);
          continue;
        }
        const dir = await mkdtemp(join(tmpdir(), "edge-prefix-starts-"));
        try {
          const train = join(dir, "train.jsonl");
          const count = await writeRows(train, rows, cell);
          const outcome = await runOurs({
            name: task,
            spec: specOf(cell, init),
            train,
            test: rows.test,
            base: values.base,
            out: join(dir, "task"),
            threads,
            signal: io.signal,
            note: () => {},
          });
          if (outcome === null) return 130;
          note(`${title}: ${outcome.metric} ${outcome.score.toFixed(4)}`);
          await writeResult(values.results, {
            bench: "starts",
            ...cell,
            start: start.name,
            ...outcome,
            base: { name, identity },
            train_rows: count,
            test_rows: rows.test.length,
            ...(await provenance()),
            // As it was given, but for the folders of one machine.
            command: `npx edge-prefix bench starts --data DATA --base BASE --init START --tasks ${task} --rows ${cell.rows} --by ${cell.by} --seeds ${cell.seed + 1}`,
          });
        } finally {
          await rm(dir, { recursive: true, force: true });
        }
      }
    }
    show();
    return 0;
  },
});
