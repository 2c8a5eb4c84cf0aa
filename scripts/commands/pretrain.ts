/**
 * `pretrain`: one prefix trained on one task, or on several at once, for other tasks to start from. The settings
 * are those of a start.json (runs/pretrain/start-file.ts) and of the options, the others are chosen in
 * runs/pretrain/settle.ts; the run is runs/pretrain/pretrain-run.ts.
 */
import { BUNDLED_BASE, baseFolder, bundledBaseDir } from "../base/names.ts";
import { basename, isAbsolute, join, resolve } from "node:path";
import { checkName } from "../../src/core/format/keys.ts";
import { DEFAULT_ALPHA } from "../runs/pretrain/mixture.ts";
import type { PretrainSettings, TaskProgress } from "../runs/pretrain/pretrain-run.ts";
import type { PretrainRequest, TaskSource } from "../runs/pretrain/settle.ts";
import { SHARED_METHODS } from "../../src/learn/task/pretrained.ts";
import type { StartSettings } from "../runs/pretrain/start-file.ts";
import type { RunState } from "../../src/learn/loop/run-state.ts";
import { TRAIN_GRAPHS } from "../../src/learn/graph/choice.ts";
import type { StepReport } from "../../src/learn/loop/trainer.ts";
import {
  UsageError,
  defineCommand,
  readChoice,
  readInteger,
  readNumber,
  required,
} from "../cli/command.ts";
import type { Io, Options, ValuesOf } from "../cli/command.ts";
import { noteInterrupted, shellWord } from "../cli/resume-line.ts";
import { epochLine, startStepBar } from "../cli/run-display.ts";
import { isTaskFolder } from "../cli/train-request.ts";
import { initOf, settledInit } from "../runs/task/start-folder.ts";
import { preciseNow } from "../node/clock.ts";

const OPTIONS = {
  out: {
    type: "string",
    short: "o",
    value: "DIR",
    hint: "folder to write (default: START_DIR)",
  },
  name: { type: "string", value: "NAME", hint: "name of the prefix (default: its folder's)" },
  base: {
    type: "string",
    value: "DIR",
    hint: "base folder (default: the one the tasks name, or models/pocket)",
  },
  "data-dir": {
    type: "string",
    value: "DIR",
    hint: "where the paths of every task.json are looked for first",
  },
  method: {
    type: "string",
    value: SHARED_METHODS.join("|"),
    hint: "what the tasks share (prefix)",
  },
  "num-virtual-tokens": {
    type: "string",
    value: "P",
    hint: "length of the prefix (16, or 32 where a task has tags)",
  },
  init: {
    type: "string",
    value: "DIR|NAME",
    hint: "start to go on from (default: random numbers)",
  },
  alpha: {
    type: "string",
    value: "X",
    hint: `a task's share of the steps is its size to the power of X (${DEFAULT_ALPHA})`,
  },
  "max-rows": { type: "string", value: "N", hint: "a random choice of N rows of each task" },
  lr: { type: "string", value: "X", hint: "peak learning rate (0.01)" },
  epochs: { type: "string", value: "N", hint: "passes over the data (by its size: 30 to 4)" },
  "batch-size": { type: "string", value: "B", hint: "rows a step, all of one task (8 to 32)" },
  "train-graph": {
    type: "string",
    value: TRAIN_GRAPHS.join("|"),
    hint: "how rows of activations are rounded: as our kernels do, as onnxruntime-web does, or not (as what serves the base)",
  },
  threads: { type: "string", value: "N", hint: "threads of training (one a core)" },
  seed: { type: "string", value: "S", hint: "same seed, same prefix (0)" },
  strict: { type: "boolean", hint: "stop at the first bad row instead of leaving it out" },
  resume: { type: "boolean", hint: "go on where an interrupted run was saved" },
  overwrite: {
    type: "boolean",
    hint: "replace what stands in the way: an unfinished run, or a result of another kind",
  },
} as const satisfies Options;

export const command = defineCommand({
  summary: "train one prefix on one task or several, for others to start from",
  usage: "TASK_DIR.. --out DIR [options] | START_DIR [options]",
  example: [
    "npx edge-prefix pretrain prefixes/command prefixes/intent prefixes/entities --out prefixes/starts/mine",
    "npx edge-prefix train few.csv --init mine",
    "npx edge-prefix pretrain prefixes/starts/pairs --data-dir data --base models/minilm --out prefixes/starts/minilm-pairs",
  ].join("\n"),
  options: OPTIONS,
  async run({ values, positionals, io }) {
    const { isStartFolder, readStartSpec, writeStartSpec } =
      await import("../runs/pretrain/start-file.ts");
    const [first] = positionals;
    if (first === undefined) throw new UsageError("pretrain: expected a TASK_DIR, or several");
    const startDir = positionals.length === 1 && isStartFolder(first) ? first : null;
    const source = startDir === null ? null : await readStartSpec(startDir);
    const taskDirs = source
      ? source.tasks.map((dir) => (isAbsolute(dir) ? dir : join(first, dir)))
      : positionals;
    const noFolder = taskDirs.find((dir) => !isTaskFolder(dir));
    if (noFolder !== undefined) throw new UsageError(`pretrain: ${noFolder} is no task folder`);
    const out = required(values.out ?? startDir ?? undefined, "--out");
    const name = checkName("prefix", values.name ?? basename(resolve(out)));
    const request = readRequest(values, source ?? {});
    const threads = readInteger(values.threads, "--threads", { min: 1, max: 1024 });

    const { openBase } = await import("../base/open-base.ts");
    const { tokenizerOf } = await import("../../src/encoder/loaded-base.ts");
    const { NODE_HOST } = await import("../runs/task/host.ts");
    const { readBaseFolder } = await import("../base/base-folder.ts");
    const { createNodeSession } = await import("../node/runtime-node.ts");
    const { readSources, settle } = await import("../runs/pretrain/settle.ts");
    const { pretrain } = await import("../runs/pretrain/pretrain-run.ts");
    const { taskRows, writePretrained } = await import("../runs/pretrain/pretrained-folder.ts");

    const { checkOutFolder } = await import("../runs/out-folder.ts");
    const { withFolderLock } = await import("../node/folder-lock.ts");
    return withFolderLock(out, async () => {
      const note = (line: string): void => io.err(line);
      const overwrite = values.overwrite === true;
      await checkOutFolder(out, "pretrained-prefix", { overwrite, note });
      const sources = await readSources(taskDirs);
      const named = source?.base ?? (values.base === undefined ? baseOf(sources) : undefined);
      const base = await readBaseFolder(
        baseFolder(values.base) ?? (named === undefined ? BUNDLED_BASE : bundledBaseDir(named)),
      );
      const { tasks, settings } = await settle(sources, request, {
        base: base.manifest,
        tokenizer: tokenizerOf(base),
        dataDir: values["data-dir"],
        strict: values.strict === true,
        note,
      });
      for (const { name, prepared } of tasks) {
        const { train, evaluation, labels, type } = prepared;
        note(
          `${name}: ${type}, ${train.length.toLocaleString("en")} rows to train on, ${evaluation.length.toLocaleString("en")} to evaluate; ${labels.length} labels`,
        );
      }
      if (settings.init) {
        note(`goes on from ${settings.init.name}, pretrained on ${settings.init.tasks.join(", ")}`);
      }
      const { epochs, batch_size, learning_rate } = settings.hyperparameters;
      note(
        `${settings.method} on ${base.manifest.name} (${base.manifest.dtype}) · ${settings.numVirtualTokens} virtual tokens · alpha ${settings.alpha} · lr ${learning_rate} · ${epochs} epochs · batches of ${batch_size} · seed ${settings.seed}`,
      );

      const display = showRun(io, settings);
      const result = await pretrain(
        tasks,
        settings,
        base,
        {
          ...NODE_HOST,
          createSession: (files) =>
            createNodeSession(files, threads === undefined ? {} : { threads }),
          openBase,
        },
        {
          out,
          resume: values.resume === true,
          overwrite,
          signal: io.signal,
          now: preciseNow,
          note,
          ...display,
        },
      ).finally(() => display.stop());
      if (!result.isDone) {
        return noteInterrupted(io, result.step, ["pretrain", OPTIONS, values, positionals]);
      }
      const terms = source?.terms ?? {};
      const created = new Date();
      const init = shellWord(initOf(out));
      const facts = { name, init, base: base.manifest, tasks, settings, result, created, terms };
      // As with task.json: the file of the folder that was trained from is its author's.
      const isOwn = startDir !== null && resolve(startDir) === resolve(out);
      const startJson = isOwn
        ? null
        : writeStartSpec(out, taskDirs, base.manifest.name, { ...request, terms });
      await writePretrained(out, facts, startJson);
      const rows = taskRows(facts);
      if (io.json) {
        const { history, bestEpoch, steps } = result;
        io.out(
          JSON.stringify({
            name,
            out,
            method: settings.method,
            num_virtual_tokens: settings.numVirtualTokens,
            alpha: settings.alpha,
            hyperparameters: settings.hyperparameters,
            steps,
            best_epoch: bestEpoch,
            history,
            tasks: rows,
          }),
        );
      } else {
        for (const { name, metric, score, share } of rows) {
          io.out(
            `${name}: ${metric} ${score.toFixed(4)}, ${Math.round(100 * share)} % of the steps`,
          );
        }
        io.out(`${out}: epoch ${result.bestEpoch}; start a task from it with train --init ${init}`);
      }
      return 0;
    });
  },
});

/** The command line on top of a start.json. */
function readRequest(values: ValuesOf<typeof OPTIONS>, start: StartSettings): PretrainRequest {
  const integer = (option: "epochs" | "batch-size" | "max-rows" | "num-virtual-tokens") =>
    readInteger(values[option], `--${option}`, { min: 1, max: LARGEST[option] });
  const rate = readNumber(values.lr, "--lr", { min: 1e-8, max: 10 });
  const epochs = integer("epochs");
  const batch = integer("batch-size");
  const { alpha = DEFAULT_ALPHA, seed = 0, trainGraph } = start;
  return {
    method: readChoice(values.method, "--method", SHARED_METHODS) ?? start.method,
    alpha: readNumber(values.alpha, "--alpha", { min: 0, max: 1 }) ?? alpha,
    seed: readInteger(values.seed, "--seed", { min: 0 }) ?? seed,
    numVirtualTokens: integer("num-virtual-tokens") ?? start.numVirtualTokens,
    maxRows: integer("max-rows") ?? start.maxRows,
    trainGraph: readChoice(values["train-graph"], "--train-graph", TRAIN_GRAPHS) ?? trainGraph,
    init: values.init === undefined ? start.init : settledInit(values.init),
    hyperparameters: {
      ...start.hyperparameters,
      ...(rate !== undefined && { learning_rate: rate }),
      ...(epochs !== undefined && { epochs }),
      ...(batch !== undefined && { batch_size: batch }),
    },
  };
}

const LARGEST = {
  epochs: 10_000,
  "batch-size": 4096,
  "max-rows": Number.MAX_SAFE_INTEGER,
  "num-virtual-tokens": 1024,
} as const;

/** The base that the tasks name; undefined when none does. Throws UsageError when they disagree. */
function baseOf(sources: readonly TaskSource[]): string | undefined {
  const names = new Set(
    sources.flatMap(({ spec }) => (spec.base === undefined ? [] : [spec.base])),
  );
  if (names.size <= 1) return [...names][0];
  throw new UsageError(
    `pretrain: the tasks name different bases (${[...names].join(", ")}); say which with --base DIR`,
  );
}

/** The steps with each task's loss, and a line a task for each epoch. */
function showRun(io: Io, { hyperparameters: { epochs } }: PretrainSettings) {
  const bar = startStepBar(io, "pretrain");
  /** Of each task, a mean over roughly its last 20 steps. */
  const losses = new Map<string, number>();
  return {
    onStep(report: StepReport & { readonly task: string }): void {
      const { loss, task } = report;
      const old = losses.get(task) ?? loss;
      losses.set(task, old + (loss - old) / 20);
      const text = [...losses].map(([name, value]) => `${name} ${value.toFixed(3)}`).join(" · ");
      bar.update(report, `loss ${text}`);
    },
    onEpoch(state: RunState, tasks: readonly TaskProgress[]): void {
      bar.clear();
      io.err(epochLine(state, epochs, "mean score"));
      for (const task of tasks) {
        const mean = task.loss === null ? "" : `loss ${task.loss.toFixed(4)} · `;
        io.err(`  ${task.name}: ${mean}${task.metric} ${task.score.toFixed(4)}`);
      }
    },
    stop: bar.stop,
  };
}
