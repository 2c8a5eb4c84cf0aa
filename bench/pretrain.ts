/**
 * What does a pretrained prefix buy a task with few rows? The same training, on the same rows and
 * with the same head, from random numbers and from a prefix that three other tasks have learned.
 * Seeds are paired: a seed draws the rows, the pretrained prefix and both runs.
 */
import { UsageError, defineCommand, readInteger, required } from "../scripts/cli/command.ts";
import type { Command } from "../scripts/cli/command.ts";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import { meanScore } from "../scripts/runs/trial/statistics.ts";
import { TASKS, TASK_IDS } from "./accuracy/tasks.ts";
import type { TaskId } from "./accuracy/tasks.ts";
import { FEW, SOURCES, SOURCE_NAMES } from "./pretrain/settings.ts";
import type { Trial } from "./pretrain/trials.ts";
import { provenance } from "./provenance.ts";
import { table } from "./stats.ts";
import { readList } from "./training/settings.ts";
import { writeWhole } from "../scripts/node/files.ts";

const RESULT = new URL("results/pretrain.json", import.meta.url).pathname;

export const bench: Command = defineCommand({
  summary: "what a prefix pretrained on other tasks buys a task with few rows",
  usage: "--data DIR [--base DIR] [--few TASK,..] [--rows N] [--seeds N]",
  example: "npx edge-prefix bench pretrain --data data",
  options: {
    data: { type: "string", value: "DIR", hint: "folder of the data sets, one folder each" },
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "base folder" },
    few: {
      type: "string",
      value: "TASK,..",
      default: FEW.tasks.join(","),
      hint: `tasks with few rows: some of ${TASK_IDS.join(", ")}, none of those pretrained on`,
    },
    rows: { type: "string", value: "N", default: String(FEW.rows), hint: "their training rows" },
    seeds: { type: "string", value: "N", default: "3", hint: "the seeds 0 to N-1" },
    work: {
      type: "string",
      value: "DIR",
      default: ".cache/pretrain",
      hint: "where prefixes, finished and interrupted runs are kept",
    },
    result: { type: "string", value: "F", default: RESULT, hint: "where the numbers go" },
  },
  async run({ values, io }) {
    const data = required(values.data, "--data");
    const tasks = readList<TaskId>(values.few, "--few", TASK_IDS);
    const seen = tasks.find((task) => SOURCE_NAMES.includes(task));
    if (seen !== undefined) {
      throw new UsageError(`--few has ${seen}, which is pretrained on; name other tasks`);
    }
    const rows = readInteger(values.rows, "--rows", { min: 10, max: 100_000 })!;
    const seeds = readInteger(values.seeds, "--seeds", { min: 1, max: 100 })!;
    const { readBaseFolder } = await import("../scripts/base/base-folder.ts");
    const { pretrainOnSources, runFew } = await import("./pretrain/trials.ts");
    const base = await readBaseFolder(values.base);
    const { work } = values;
    const options = { data, base, work, signal: io.signal, note: (line: string) => io.err(line) };

    const trials: Trial[] = [];
    for (let seed = 0; seed < seeds; seed++) {
      const pretrained = await pretrainOnSources(seed, options);
      if (pretrained === null) return interrupted();
      for (const task of tasks) {
        for (const init of [null, pretrained]) {
          const trial = await runFew({ task, rows, seed, init }, options);
          if (trial === null) return interrupted();
          trials.push(trial);
        }
      }
    }
    const { name, dtype, identity } = base.manifest;
    const result = {
      bench: "pretrain",
      base: { name, dtype, identity },
      sources: { tasks: SOURCE_NAMES, ...SOURCES.settings },
      few: { ...FEW, tasks, rows, seeds },
      tasks: tasks.map((task) => summaryOf(task, trials)),
      ...(await provenance()),
      // As it was given, but for the folders of one machine.
      command: `npx edge-prefix bench pretrain --data DATA --few ${tasks.join(",")} --rows ${rows} --seeds ${seeds}`,
    };
    await writeWhole(values.result, `${JSON.stringify(result, null, 2)}\n`);
    if (io.json) io.out(JSON.stringify(result));
    else io.out(resultTable(result.tasks, rows));
    return 0;

    function interrupted(): number {
      io.err("interrupted and saved; the same command goes on");
      return 130;
    }
  },
});

interface Summary {
  readonly task: TaskId;
  readonly title: string;
  readonly metric: string;
  readonly reported_rows: number;
  readonly random: ScoreOverSeeds;
  readonly pretrained: ScoreOverSeeds;
  /** Pretrained - random, seed by seed. */
  readonly gain: ScoreOverSeeds;
}

interface ScoreOverSeeds {
  readonly scores: readonly number[];
  readonly mean: number;
  /** 95 % interval of the mean over seeds; null for one seed. */
  readonly interval: readonly [number, number] | null;
}

function summaryOf(task: TaskId, trials: readonly Trial[]): Summary {
  const own = trials.filter((trial) => trial.task === task);
  const [random, pretrained] = [false, true].map((isPretrained) =>
    own.filter((trial) => trial.isPretrained === isPretrained).map(({ result }) => result.score),
  ) as [number[], number[]];
  const { metric, rows } = own[0]!.result;
  return {
    task,
    title: TASKS[task].title,
    metric,
    reported_rows: rows.reported,
    random: over(random),
    pretrained: over(pretrained),
    gain: over(pretrained.map((score, seed) => score - random[seed]!)),
  };
}

function over(scores: readonly number[]): ScoreOverSeeds {
  const { mean, interval } = meanScore(scores);
  return { scores, mean, interval };
}

function resultTable(tasks: readonly Summary[], rows: number): string {
  const points = ({ mean, interval }: ScoreOverSeeds): string =>
    (100 * mean).toFixed(1) +
    (interval ? ` (${interval.map((value) => (100 * value).toFixed(1)).join(" to ")})` : "");
  return table([
    [`${rows} rows`, "from random numbers", "from a pretrained prefix", "gain"],
    ...tasks.map(({ title, metric, random, pretrained, gain }) => [
      `${title}, ${metric}`,
      points(random),
      points(pretrained),
      points(gain),
    ]),
  ]);
}
