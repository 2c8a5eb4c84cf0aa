/**
 * Minutes to the score: how long a training takes until it is within half a point of its own best score
 * on held-out rows, beside PEFT's prefix tuning in PyTorch on the same rows. A cell is a set, a
 * contender and a seed; it ends as one file of bench/results/minutes, and a run goes on with those that
 * are missing. Only training is timed; CPU seconds stand beside, for machines with other work.
 */
import { loadavg } from "node:os";
import { baseFolder } from "../scripts/base/names.ts";
import { UsageError, defineCommand, readInteger, required } from "../scripts/cli/command.ts";
import type { Command } from "../scripts/cli/command.ts";
import { parseJson } from "../src/core/text.ts";
import type { Hyperparameters } from "../src/learn/methods.ts";
import { TASKS } from "./accuracy/tasks.ts";
import { CONTENDERS, SET_IDS, cellName } from "./minutes/plan.ts";
import type { Cell } from "./minutes/plan.ts";
import { RESULTS, reachedOf, readResult, readResults, writeResult } from "./minutes/results.ts";
import type { MinutesResult } from "./minutes/results.ts";
import { minutesRows } from "./minutes/table.ts";
import { provenance } from "./provenance.ts";
import { table } from "./stats.ts";
import { readList } from "./training/settings.ts";

export const bench: Command = defineCommand({
  summary: "training time to within half a point of the final score, beside PEFT",
  usage: "--data DIR --base DIR [--python PATH --checkpoint DIR] | --table",
  example:
    "npx edge-prefix bench minutes --data data --base models/minilm --python venv/bin/python --checkpoint all-MiniLM-L6-v2",
  options: {
    data: { type: "string", value: "DIR", hint: "folder of the data sets, one folder each" },
    base: { type: "string", value: "DIR", hint: "base folder" },
    sets: { type: "string", value: "SET,..", hint: `some of ${SET_IDS.join(", ")}` },
    contenders: {
      type: "string",
      value: "C,..",
      hint: `some of ${CONTENDERS.join(", ")} (default: ours, and peft with --python)`,
    },
    seeds: { type: "string", value: "N", default: "1", hint: "the seeds 0 to N-1 of each" },
    python: {
      type: "string",
      value: "PATH",
      hint: "interpreter with torch, transformers and peft",
    },
    checkpoint: {
      type: "string",
      value: "DIR",
      hint: "Hugging Face checkpoint that PEFT trains: the one that the base was imported from",
    },
    threads: { type: "string", value: "N", default: "2", hint: "threads of each contender" },
    settings: {
      type: "string",
      value: "JSON",
      hint: "hyperparameters other than the defaults, for trials; with --results",
    },
    results: { type: "string", value: "DIR", default: RESULTS, hint: "where finished cells go" },
    redo: { type: "boolean", hint: "make cells again that are finished" },
    table: { type: "boolean", hint: "print the table of the finished cells, and nothing else" },
  },
  async run({ values, io }) {
    const folder = values.results;
    const show = (): void => {
      const results = readResults(folder);
      if (io.json) io.out(JSON.stringify({ results }));
      else io.out(table(minutesRows(results)));
    };
    if (values.table === true) {
      show();
      return 0;
    }
    const usual = values.python === undefined ? (["ours"] as const) : CONTENDERS;
    const contenders = readList(values.contenders, "--contenders", CONTENDERS) ?? usual;
    const sets = readList(values.sets, "--sets", SET_IDS) ?? SET_IDS;
    const seeds = readInteger(values.seeds, "--seeds", { min: 1, max: 100 })!;
    const threads = readInteger(values.threads, "--threads", { min: 1, max: 1024 })!;
    const data = required(values.data, "--data");
    const dir = baseFolder(required(values.base, "--base"))!;
    const asked = readSettings(values.settings, folder);
    const cells = Array.from({ length: seeds }, (_, seed) =>
      sets.flatMap((set) => contenders.map((contender): Cell => ({ set, contender, seed }))),
    ).flat();

    const { readBaseFolder } = await import("../scripts/base/base-folder.ts");
    const base = await readBaseFolder(dir);
    const { readTask } = await import("./minutes/rows.ts");
    const { runOurs } = await import("./minutes/ours.ts");
    const { runPeft } = await import("./minutes/peft.ts");
    const { signal } = io;
    const note = (line: string): void => io.err(line);
    for (const cell of cells) {
      const name = cellName(cell);
      const finished = values.redo === true ? null : readResult(folder, cell);
      if (finished) {
        note(`${name}: is there, ${reachedText(finished)}`);
        continue;
      }
      const prepared = await readTask(cell, { data, base, asked, note });
      const common = { name, threads, signal, note };
      const outcome =
        cell.contender === "ours"
          ? await runOurs(prepared, { ...common, base: dir })
          : await runPeft(prepared, {
              ...common,
              base,
              python: required(values.python, "--python"),
              checkpoint: required(values.checkpoint, "--checkpoint"),
            });
      if (outcome === null) {
        note(`${name}: interrupted; the same command makes it and those that are missing`);
        return 130;
      }
      const { name: baseName, identity } = base.manifest;
      const result: MinutesResult = {
        bench: "minutes",
        ...cell,
        title: TASKS[cell.set].title,
        ...reachedOf(outcome.curve),
        ...outcome,
        threads,
        base: { name: baseName, identity },
        ...(await provenance()),
        command: commandOf(cell, threads),
        load: Number(loadavg()[2]!.toFixed(1)),
      };
      await writeResult(folder, result);
      note(`${name}: ${reachedText(result)}`);
    }
    show();
    return 0;
  },
});

/** Settings for a trial, which must not stand among the results of the defaults. */
function readSettings(value: string | undefined, folder: string): Partial<Hyperparameters> {
  if (value === undefined) return {};
  if (folder === RESULTS) throw new UsageError("--settings needs --results, a folder for trials");
  return parseJson(new TextEncoder().encode(value), "--settings") as Partial<Hyperparameters>;
}

const reachedText = ({ metric, best, reached }: MinutesResult): string =>
  `${metric} ${best.toFixed(4)}, near it after ${reached.seconds.toFixed(1)} s (${reached.cpu_seconds.toFixed(1)} CPU s), step ${reached.step}`;

/** The command that makes this cell, whatever the one was that made it among others. */
const commandOf = ({ set, contender, seed }: Cell, threads: number): string =>
  `npx edge-prefix bench minutes --data DATA --base DIR${contender === "peft" ? " --python PATH --checkpoint DIR" : ""} --sets ${set} --contenders ${contender} --seeds ${seed + 1} --threads ${threads}`;
