/**
 * Multi-task pretraining of a prefix (the P-Tuning v2 paper's multi-task variant, arXiv 2110.07602):
 * THE LOOP (trainer.ts) over batches of several tasks. Virtual tokens and deltas get a gradient with
 * every batch. The heads of the other tasks get zeros, as rows of an embedding table do whose words
 * are not in a batch.
 */
import { encodeUtf8 } from "../../../src/core/text.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { sha256Hex } from "../../node/hash.ts";
import type { Hyperparameters } from "../../../src/learn/methods.ts";
import type { Arrays } from "../../../src/learn/graph/parameters.ts";
import { tensorsOf } from "../../../src/learn/task/pretrained.ts";
import type { PretrainedPrefix, SharedMethod } from "../../../src/learn/task/pretrained.ts";
import { derive, keyOf } from "../../../src/learn/random.ts";
import { groupsOf, openSavedRun } from "../../../src/learn/loop/saved-run.ts";
import type { EpochRecord, Fingerprint, RunState } from "../../../src/learn/loop/run-state.ts";
import { encoderOf } from "../../../src/learn/loop/step.ts";
import { READING } from "../../../src/learn/task/train-task.ts";
import type { Runtimes } from "../../../src/learn/task/runtimes.ts";
import type { Plan, StepReport } from "../../../src/learn/loop/trainer.ts";
import { openSharedRun } from "./shared-run.ts";
import type { SharedRun, PretrainTask } from "./shared-run.ts";
import { mixedBatches, sharesOf } from "./mixture.ts";
import { folderRun } from "../saved-run.ts";

export interface PretrainSettings {
  readonly method: SharedMethod;
  readonly numVirtualTokens: number;
  /** How much of the steps large tasks get (mixture.ts). */
  readonly alpha: number;
  readonly hyperparameters: Hyperparameters;
  readonly seed: number;
  /** What the shared tensors start from; null: from random numbers. */
  readonly init: PretrainedPrefix | null;
}

/** Loss and score of one task after an epoch. */
export interface TaskProgress {
  readonly name: string;
  /** Mean training loss over its batches of this epoch; null where a resumed epoch had none left. */
  readonly loss: number | null;
  readonly metric: string;
  readonly score: number;
}

export interface PretrainOptions {
  /** Where an interrupted run is saved. */
  readonly out: string;
  readonly resume: boolean;
  /** Start from the first step although an unfinished run is saved in `out`. */
  readonly overwrite?: boolean;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly note: (line: string) => void;
  readonly onStep: (report: StepReport & { readonly task: string }) => void;
  readonly onEpoch: (state: RunState, tasks: readonly TaskProgress[]) => void;
}

/** The result of one task in a finished run. */
export interface TaskResult {
  readonly name: string;
  readonly metric: string;
  /** With the values of the best epoch, on its evaluation rows. */
  readonly score: number;
  /** Of the steps. */
  readonly share: number;
}

export interface PretrainResult {
  /** The shared tensors of the epoch with the best mean score. */
  readonly shared: Arrays;
  readonly tasks: readonly TaskResult[];
  readonly history: readonly EpochRecord[];
  readonly bestEpoch: number;
  readonly steps: number;
}

/** Trains one prefix on all `tasks`. An interrupted run is saved and returns only its step. */
export async function pretrain(
  tasks: readonly PretrainTask[],
  settings: PretrainSettings,
  base: Base,
  runtimes: Runtimes,
  options: PretrainOptions,
): Promise<({ readonly isDone: true } & PretrainResult) | { isDone: false; step: number }> {
  const { hyperparameters, alpha, seed, method, numVirtualTokens, init } = settings;
  const key = keyOf(seed);
  const fingerprint = fingerprintOf(tasks, settings, base);
  const { store, program } = folderRun(options.out);
  const saved = await openSavedRun(store, { ...options, program, fingerprint });

  const native = await runtimes.openBase(base, "node");
  const encoder = encoderOf(base);
  const runs: SharedRun[] = [];
  for (const task of tasks) {
    runs.push(
      await openSharedRun(task, {
        base,
        encoder,
        native,
        ...runtimes,
        prefixDropout: hyperparameters.prefix_dropout,
        signal: options.signal,
      }),
    );
  }
  const lengths = runs.map((run) => run.lengths);
  const owners = runs.flatMap((run) => run.lengths.map((_, row) => ({ run, row })));
  // Every run lists the shared tensors; each is taken once.
  const parameters = [
    ...new Map(runs.flatMap((run) => run.parameters).map((p) => [p.name, p])).values(),
  ];
  const epoch = startTally(runs);
  const none = Object.fromEntries(
    parameters.map(({ name, dims }) => [name, new Float32Array(dims.reduce((a, b) => a * b, 1))]),
  );
  let current = "";
  const plan: Plan = {
    hyperparameters,
    key,
    groups: groupsOf(parameters),
    lengths: lengths.flat(),
    batches: mixedBatches(lengths, {
      batchSize: hyperparameters.batch_size,
      alpha,
      key: derive(key, "mixture"),
    }),
    async step(rows, params, stepKey) {
      const { run } = owners[rows[0]!]!;
      const own = rows.map((row) => owners[row]!.row);
      const { loss, grads } = await run.step(own, params, stepKey);
      current = run.name;
      epoch.add(run, loss);
      return { loss, grads: { ...none, ...grads } };
    },
    async evaluate(params) {
      const scores = await scoresOf(runs, params);
      epoch.score(scores);
      return mean(scores);
    },
  };
  const start = saved.start(parameters, derive(key, "init"), init?.params);
  try {
    const { state, isDone } = await saved.train(start, plan, {
      signal: options.signal,
      now: options.now,
      onStep: (report) => options.onStep({ ...report, task: current }),
      onEpoch: (state) => options.onEpoch(state, epoch.close()),
    });
    if (!isDone) return { isDone, step: state.step };
    const { params, epoch: bestEpoch } = state.best!;
    const scores = await scoresOf(runs, params).catch((error: unknown) => {
      if (options.signal.aborted) return null;
      throw error;
    });
    if (!scores) return { isDone: false, step: state.step };
    const shares = sharesOf(
      lengths.map((rows) => rows.length),
      alpha,
    );
    const names = [...tensorsOf(method, numVirtualTokens, base.manifest).keys()];
    return {
      isDone,
      shared: Object.fromEntries(names.map((name) => [name, params[name]!])),
      tasks: runs.map(({ name, metric }, i) => ({
        name,
        metric,
        score: scores[i]!,
        share: shares[i]!,
      })),
      history: state.history,
      bestEpoch,
      steps: state.step,
    };
  } finally {
    for (const { release } of runs) await release();
    await native.encoder.release();
  }
}

async function scoresOf(runs: readonly SharedRun[], params: Arrays): Promise<number[]> {
  const scores: number[] = [];
  for (const run of runs) scores.push(await run.score(params));
  return scores;
}

/** Loss and score of each task in the epoch in progress, for people to see. */
function startTally(runs: readonly SharedRun[]) {
  const losses = new Map<SharedRun, number[]>();
  let scores: readonly number[] = [];
  return {
    add: (run: SharedRun, loss: number): void => {
      if (!losses.has(run)) losses.set(run, []);
      losses.get(run)!.push(loss);
    },
    score: (values: readonly number[]): void => {
      scores = values;
    },
    close(): TaskProgress[] {
      const tasks = runs.map((run, i) => ({
        name: run.name,
        loss: losses.has(run) ? mean(losses.get(run)!) : null,
        metric: run.metric,
        score: scores[i]!,
      }));
      losses.clear();
      return tasks;
    },
  };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Everything that the course of a run depends on; each task is one hash. */
function fingerprintOf(
  tasks: readonly PretrainTask[],
  { hyperparameters, init, ...settings }: PretrainSettings,
  base: Base,
): Fingerprint {
  const hashes = tasks.map(({ name, prepared }, i) => {
    const { train, evaluation, labels, type, problemType, pooling, maxLength } = prepared;
    const { readsWords, labelAllTokens } = prepared;
    const rows = [...train, "evaluation", ...evaluation].map((row) => JSON.stringify(row));
    const rest = JSON.stringify([
      labels,
      type,
      problemType,
      pooling,
      maxLength,
      labelAllTokens,
      readsWords && READING,
    ]);
    return [`task ${i + 1}`, `${name} ${sha256Hex(encodeUtf8([rest, ...rows].join("\n")))}`];
  });
  const { trainGraph } = tasks[0]!.prepared;
  return {
    kind: "pretrain",
    base: base.manifest.identity,
    trainGraph,
    ...(init && { init: init.sha256 }),
    ...settings,
    ...hyperparameters,
    ...Object.fromEntries(hashes),
  };
}
