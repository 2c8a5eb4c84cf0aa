/**
 * Shipped tasks, trained on the bundled base and on the 6-layer base alike: the same rows, settings
 * and seed, each base with prefixes of its own, answered by the runtime that serves. Finished trials
 * are kept by a hash of settings and data, interrupted ones go on.
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { tokenizerOf } from "../../scripts/local.ts";
import type { Base } from "../../scripts/import/base-folder.ts";
import { prepareTask } from "../../scripts/training/prepare.ts";
import { readTaskSpec } from "../../scripts/training/task-spec.ts";
import { keptTrial } from "../../scripts/training/trial/kept.ts";
import type { TrialResult } from "../../scripts/training/trial/run.ts";
import { runtimesWith } from "../accuracy/cell.ts";

export interface TrialsOptions {
  readonly data: string;
  /** Finished and interrupted trials. */
  readonly work: string;
  readonly maxRows: number;
  readonly threads: number | undefined;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}

/** One task on one base; null when it was interrupted and saved. */
export async function runOn(
  dir: string,
  base: Base,
  side: "pocket" | "minilm",
  { data, work, maxRows, threads, signal, note }: TrialsOptions,
): Promise<TrialResult | null> {
  const path = join(dir, "task.json");
  const spec = readTaskSpec(await readFile(path), path);
  const rows = Math.min(maxRows, spec.max_rows ?? Infinity);
  const prepared = await prepareTask(
    { ...spec, max_rows: rows },
    base.manifest,
    tokenizerOf(base),
    { folders: [data, dir], strict: false, note },
  );
  const name = `${basename(dir)}.${side}`;
  const { epochs } = prepared.hyperparameters;
  const trial = await keptTrial(work, {
    name,
    spec,
    prepared,
    base,
    reported: { name: prepared.evaluationName, examples: prepared.evaluation },
    runtimes: runtimesWith(threads),
    signal,
    now: Date.now,
    note,
    onEpoch: ({ epoch, loss, score }) =>
      note(`${name} epoch ${epoch}/${epochs} · loss ${loss.toFixed(4)} · ${score.toFixed(4)}`),
  });
  return trial && trial.result;
}

/** What a task is judged by on either base. */
export interface TaskRatio {
  readonly task: string;
  readonly metric: string;
  readonly rows: TrialResult["rows"];
  readonly pocket: { readonly score: number; readonly interval: readonly [number, number] };
  readonly minilm: { readonly score: number; readonly interval: readonly [number, number] };
  /** Pocket over MiniLM. */
  readonly ratio: number;
}

export function ratioOf(task: string, pocket: TrialResult, minilm: TrialResult): TaskRatio {
  const side = ({ score, interval }: TrialResult) => ({ score, interval });
  return {
    task,
    metric: pocket.metric,
    rows: pocket.rows,
    pocket: side(pocket),
    minilm: side(minilm),
    ratio: pocket.score / minilm.score,
  };
}

/** Every task counts alike. */
export const meanRatio = (tasks: readonly TaskRatio[]): number =>
  tasks.reduce((sum, { ratio }) => sum + ratio, 0) / tasks.length;
