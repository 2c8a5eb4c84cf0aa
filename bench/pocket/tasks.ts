/**
 * Shipped tasks beside the same tasks on the 6-layer base: trained there from the same task.json,
 * with prefixes of its own and no teacher, and answered by the runtime that serves. What the shipped side scores is
 * in its manifest. Finished trials are kept by a hash of settings and data, interrupted ones go on.
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { checkTaskMatchesBase, readTaskManifest } from "../../src/core/format/manifest.ts";
import type { BaseManifest, TaskManifest } from "../../src/core/format/manifest.ts";
import { tokenizerOf } from "../../src/encoder/loaded-base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { makeData } from "../../scripts/dev/retrain/task-data.ts";
import { prepareTask } from "../../src/learn/task/prepare.ts";
import { readTaskSpec } from "../../src/learn/task/spec.ts";
import { preciseNow } from "../../scripts/node/clock.ts";
import { keptTrial } from "../../scripts/runs/trial/kept.ts";
import { runtimesWith } from "../accuracy/cell.ts";
import { diskSources } from "../../scripts/runs/task/data-files.ts";

export interface TrialsOptions {
  readonly data: string;
  /** Finished and interrupted trials. */
  readonly work: string;
  readonly threads: number | undefined;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}

/** A score from 0 to 1 with its 95 % bootstrap interval. */
export interface Score {
  readonly metric: string;
  readonly score: number;
  readonly interval: readonly [low: number, high: number];
}

/** The task of folder `dir`, trained on `base`; null when it was interrupted and saved. */
export async function trainedOn(
  dir: string,
  base: Base,
  { data, work, threads, signal, note }: TrialsOptions,
): Promise<Score | null> {
  await makeData(dir, data);
  const path = join(dir, "task.json");
  // A teacher answers in `train` alone; here the labels must do.
  const source = readTaskSpec(await readFile(path), path);
  const spec = { ...source, teacher: undefined, data: { ...source.data, unlabelled: [] } };
  const prepared = await prepareTask(
    spec,
    base.manifest,
    tokenizerOf(base),
    diskSources({
      folders: [data, dir],
      strict: false,
      note,
    }),
  );
  const name = `${basename(dir)}.${base.manifest.name}`;
  const { epochs } = prepared.hyperparameters;
  const trial = await keptTrial(work, {
    name,
    spec,
    prepared,
    base,
    // Judged as the shipped task was: by `train` itself.
    reported: null,
    isScoredAsServed: true,
    runtimes: runtimesWith(threads),
    signal,
    now: preciseNow,
    note,
    onEpoch: ({ epoch, loss, score }) =>
      note(`${name} epoch ${epoch}/${epochs} · loss ${loss.toFixed(4)} · ${score.toFixed(4)}`),
  });
  return trial && trial.result;
}

/** What the task of folder `dir` scores as it is shipped. Throws MismatchError `prefix-base-mismatch` when it is of another base. */
export async function shippedScore(dir: string, base: BaseManifest): Promise<Score> {
  const manifest = readTaskManifest(
    new Uint8Array(await readFile(join(dir, "manifest.json"))),
    dir,
  );
  checkTaskMatchesBase(manifest, base);
  return scoreOf(manifest);
}

/** The score that `train` left in a manifest. */
export function scoreOf({ metrics }: Pick<TaskManifest, "metrics">): Score {
  const metric = String(metrics["metric"]);
  const { low, high } = metrics["interval"] as { readonly low: number; readonly high: number };
  return { metric, score: Number(metrics[metric]), interval: [low, high] };
}

/** What a task is judged by on either base. */
export interface TaskRatio {
  readonly task: string;
  readonly metric: string;
  readonly pocket: Omit<Score, "metric">;
  readonly minilm: Omit<Score, "metric">;
  /** Pocket over MiniLM. */
  readonly ratio: number;
}

export function ratioOf(task: string, pocket: Score, minilm: Score): TaskRatio {
  const side = ({ score, interval }: Score) => ({ score, interval });
  return {
    task,
    metric: pocket.metric,
    pocket: side(pocket),
    minilm: side(minilm),
    ratio: pocket.score / minilm.score,
  };
}

/** Every task counts alike. */
export const meanRatio = (tasks: readonly TaskRatio[]): number =>
  tasks.reduce((sum, { ratio }) => sum + ratio, 0) / tasks.length;
