/** One cell of the table: data and settings become a trial, its numbers a result with its origin. */
import { loadavg } from "node:os";
import { join } from "node:path";
import { openBase } from "../../scripts/base/open-base.ts";
import { load, poolerOf, tokenizerOf } from "../../src/encoder/loaded-base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { preciseNow } from "../../scripts/node/clock.ts";
import { createNodeSession, nodeEngine } from "../../scripts/node/runtime-node.ts";
import { allEpochs, partsOf } from "../../src/learn/methods.ts";
import { EMPTY_SPEC } from "../../src/learn/task/spec.ts";
import type { TaskSpec } from "../../src/learn/task/spec.ts";
import type { Runtimes } from "../../src/learn/task/runtimes.ts";
import { runTrial } from "../../scripts/runs/trial/trial-run.ts";
import { divideFairly } from "../../scripts/runs/trial/rows.ts";
import { provenance } from "../provenance.ts";
import { cellName } from "./plan.ts";
import type { Cell } from "./plan.ts";
import type { CellResult } from "./results.ts";
import { MAX_ROWS, MAX_SELECTION_ROWS, methodOf, settingsOf, startOf } from "./settings.ts";
import type { Start } from "./settings.ts";
import { TASKS, fileOf } from "./tasks.ts";
import { UsageError } from "../../scripts/cli/command.ts";
import { NODE_HOST } from "../../scripts/runs/task/host.ts";

type Starts = Readonly<Partial<Record<Start, string | undefined>>>;

export interface CellOptions {
  /** Folder of the data sets. */
  readonly data: string;
  readonly int8: Base;
  readonly fp32: Base;
  /** Folders of the starts that recipes begin with, on the 8-bit base. */
  readonly starts: Starts;
  /** Interrupted cells are saved below it. */
  readonly work: string;
  readonly threads: number | undefined;
  readonly maxRows: number;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}

/** What a cell is trained with, before the data has its say. */
export function specOf(
  { task, method, seed }: Cell,
  {
    data,
    starts = {},
    maxRows = MAX_ROWS,
  }: { readonly data: string; readonly starts?: Starts; readonly maxRows?: number },
): TaskSpec {
  const start = startOf(method);
  const init = start && starts[start];
  if (start !== undefined && init === undefined) {
    throw new UsageError(
      `${method} needs --${start}-start: a folder that pretrain wrote, as docs/accuracy.md says`,
    );
  }
  const { type, train, reported } = TASKS[task];
  const file = (path: string) => fileOf(data, path, TASKS[task]);
  return {
    ...EMPTY_SPEC,
    ...settingsOf(task, method),
    type,
    method: methodOf(method),
    ...(init !== undefined && { init }),
    seed,
    max_rows: maxRows,
    data: { ...EMPTY_SPEC.data, train: [file(train)], eval: [file(reported)] },
  };
}

/** Makes a cell, or goes on with it; null when it was interrupted and saved. */
export async function runCell(cell: Cell, options: CellOptions): Promise<CellResult | null> {
  const { data, int8, fp32, work, note, signal, threads } = options;
  const { title, split, selection } = TASKS[cell.task];
  // Fine-tuning moves the weights themselves, so float ones; a task is learned on what serves it.
  const base = partsOf(methodOf(cell.method)).weights ? fp32 : int8;
  const spec = specOf(cell, options);
  const { prepared, reported } = await divideFairly(spec, {
    base: base.manifest,
    tokenizer: tokenizerOf(base),
    selection: selection === undefined ? undefined : [fileOf(data, selection, TASKS[cell.task])],
    maxSelectionRows: MAX_SELECTION_ROWS,
    folders: ["."],
    strict: false,
    note,
  });
  const epochs = allEpochs(prepared.hyperparameters);
  const result = await runTrial({
    name: cell.task,
    spec,
    prepared,
    reported,
    base,
    fp32Base: fp32,
    out: join(work, cellName(cell)),
    runtimes: runtimesWith(threads),
    signal,
    now: preciseNow,
    note,
    onEpoch({ epoch, loss, score }) {
      const name = cellName(cell);
      note(`${name} epoch ${epoch}/${epochs} · loss ${loss.toFixed(4)} · ${score.toFixed(4)}`);
    },
  });
  if (result === null) return null;
  const { name, dtype, identity, checkpoint } = base.manifest;
  return {
    bench: "accuracy",
    ...cell,
    title,
    split,
    ...result,
    base: { name, dtype, identity, checkpoint },
    ...(await provenance()),
    command: commandOf(cell),
    load: Number(loadavg()[2]!.toFixed(1)),
  };
}

/** The command that makes this cell alone, whatever the one was that made it among others. */
function commandOf({ task, method, seed }: Cell): string {
  const start = startOf(method);
  const option = start === undefined ? "" : ` --${start}-start START_DIR`;
  return `npx edge-prefix bench accuracy --data DATA --base INT8_DIR --fp32 FP32_DIR${option} --only ${task} --methods ${method} --seeds ${seed + 1}`;
}

/** The native runtime with a number of threads of its own; the runtime that serves as it is. */
export function runtimesWith(threads: number | undefined): Runtimes {
  const options = threads === undefined ? {} : { threads };
  const createSession: Runtimes["createSession"] = (files) => createNodeSession(files, options);
  return {
    ...NODE_HOST,
    createSession,
    async openBase(base, runtime) {
      if (runtime === "serving") return openBase(base, runtime);
      const encoder = await load(nodeEngine(options), base);
      return {
        manifest: base.manifest,
        tokenizer: tokenizerOf(base),
        encoder,
        pooler: poolerOf(base),
      };
    },
  };
}
