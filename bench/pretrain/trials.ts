/** The runs of the pretraining benchmark: a prefix over the sources, and a task with few rows. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Base } from "../../src/encoder/base.ts";
import { tokenizerOf } from "../../src/encoder/loaded-base.ts";
import { preciseNow } from "../../scripts/node/clock.ts";
import { writePretrained } from "../../scripts/runs/pretrain/pretrained-folder.ts";
import { DEFAULT_ALPHA } from "../../scripts/runs/pretrain/mixture.ts";
import { pretrain } from "../../scripts/runs/pretrain/pretrain-run.ts";
import { settle } from "../../scripts/runs/pretrain/settle.ts";
import { derive, keyOf } from "../../src/learn/random.ts";
import { RUN_STATE } from "../../scripts/runs/saved-run.ts";
import { someRows } from "../../src/learn/data/split.ts";
import { EMPTY_SPEC } from "../../src/learn/task/spec.ts";
import type { Runtimes } from "../../src/learn/task/runtimes.ts";
import { keptTrial } from "../../scripts/runs/trial/kept.ts";
import { divideFairly } from "../../scripts/runs/trial/rows.ts";
import type { TrialResult } from "../../scripts/runs/trial/trial-run.ts";
import { runtimesWith } from "../accuracy/cell.ts";
import { TASKS, fileOf } from "../accuracy/tasks.ts";
import type { TaskId } from "../accuracy/tasks.ts";
import { FEW, SOURCES } from "./settings.ts";

export interface TrialsOptions {
  readonly data: string;
  readonly base: Base;
  readonly work: string;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}

export interface Trial {
  readonly task: TaskId;
  readonly isPretrained: boolean;
  readonly result: TrialResult;
}

/**
 * The graph that serves, on the native runtime: the same answers, sooner. One thread: batches are
 * small, and threads that wait for each other cost most on a machine that has other work.
 */
const NATIVE = runtimesWith(1);
const RUNTIMES: Runtimes = { ...NATIVE, openBase: (base) => NATIVE.openBase(base, "node") };

/** Folder of the prefix of a seed, trained if it is not there; null when interrupted and saved. */
export async function pretrainOnSources(
  seed: number,
  { data, base, work, signal, note }: TrialsOptions,
): Promise<string | null> {
  const out = join(work, `start-${seed}`);
  if (existsSync(join(out, "manifest.json"))) return out;
  const {
    num_virtual_tokens: numVirtualTokens,
    max_rows: maxRows,
    ...hyperparameters
  } = SOURCES.settings;
  const sources = Object.entries(SOURCES.data).map(([name, { paths, licence }]) => ({
    dir: data,
    spec: {
      ...EMPTY_SPEC,
      name,
      data: { ...EMPTY_SPEC.data, train: paths.map((path) => ({ path })), source: name, licence },
    },
  }));
  const { tasks, settings } = await settle(
    sources,
    {
      method: "prefix",
      alpha: DEFAULT_ALPHA,
      seed,
      numVirtualTokens,
      maxRows,
      trainGraph: undefined,
      init: undefined,
      hyperparameters,
    },
    {
      base: base.manifest,
      tokenizer: tokenizerOf(base),
      dataDir: undefined,
      strict: false,
      note,
    },
  );
  const result = await pretrain(tasks, settings, base, RUNTIMES, {
    out,
    resume: existsSync(join(out, RUN_STATE)),
    signal,
    now: preciseNow,
    note,
    onStep: () => {},
    onEpoch({ history }, list) {
      const { epoch, loss } = history.at(-1)!;
      const scores = list.map(({ name, score }) => `${name} ${score.toFixed(3)}`).join(" · ");
      note(`start-${seed} epoch ${epoch} · loss ${loss.toFixed(3)} · ${scores}`);
    },
  });
  if (!result.isDone) return null;
  const created = new Date();
  const name = `start-${seed}`;
  const run = { tasks, settings, result, created };
  const facts = { name, init: out, base: base.manifest, terms: {}, ...run };
  await writePretrained(out, facts, null);
  return out;
}

/** A task with few rows, from `init` or from random numbers; null when interrupted and saved. */
export async function runFew(
  {
    task,
    rows,
    seed,
    init,
  }: {
    readonly task: TaskId;
    readonly rows: number;
    readonly seed: number;
    readonly init: string | null;
  },
  { data, base, work, signal, note }: TrialsOptions,
): Promise<Trial | null> {
  const { type, train, reported: reportedFile, selection } = TASKS[task];
  const file = (path: string) => fileOf(data, path, TASKS[task]);
  const spec = {
    ...EMPTY_SPEC,
    type,
    seed,
    method: "prefix",
    init: init === null ? undefined : resolve(init),
    num_virtual_tokens: SOURCES.settings.num_virtual_tokens,
    max_rows: rows,
    hyperparameters: { epochs: FEW.epochs },
    data: { ...EMPTY_SPEC.data, train: [file(train)], eval: [file(reportedFile)] },
  } as const;
  const { prepared, reported } = await divideFairly(spec, {
    base: base.manifest,
    tokenizer: tokenizerOf(base),
    selection: selection === undefined ? undefined : [file(selection)],
    maxSelectionRows: FEW.selection_rows,
    folders: ["."],
    strict: false,
    note: () => {},
  });
  const name = `${task}.${rows}.${init === null ? "random" : "pretrained"}.${seed}`;
  const { examples } = reported;
  const kept = await keptTrial(work, {
    name,
    spec,
    prepared,
    base,
    // The same rows for every seed.
    reported: {
      ...reported,
      examples:
        examples.length <= FEW.reported_rows
          ? examples
          : someRows(examples, FEW.reported_rows, derive(keyOf(0), "reported", task)),
    },
    runtimes: RUNTIMES,
    signal,
    now: preciseNow,
    note,
  });
  if (kept === null) return null;
  note(`${name}: ${kept.result.metric} ${kept.result.score.toFixed(4)}`);
  return { task, isPretrained: init !== null, result: kept.result };
}
