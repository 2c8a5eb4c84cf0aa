/** The rows of a set and the settings that both sides train with, as `train` chooses them. */
import { tokenizerOf } from "../../src/encoder/loaded-base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { featuresOf } from "../../src/learn/data/features.ts";
import type { Feature } from "../../src/learn/data/features.ts";
import type { Example } from "../../src/learn/data/read.ts";
import type { Hyperparameters } from "../../src/learn/methods.ts";
import { prepareTask } from "../../src/learn/task/prepare.ts";
import type { PreparedTask } from "../../src/learn/task/prepare.ts";
import { EMPTY_SPEC } from "../../src/learn/task/spec.ts";
import { diskSources } from "../../scripts/runs/task/data-files.ts";
import { TASKS, fileOf } from "../accuracy/tasks.ts";
import { MAX_EVALUATION_ROWS, TRAIN_ROWS } from "./plan.ts";
import type { Cell } from "./plan.ts";

export interface RowsOptions {
  /** Folder of the data sets. */
  readonly data: string;
  readonly base: Base;
  /** Settings other than the defaults, for trials. */
  readonly asked: Partial<Hyperparameters>;
  readonly note: (line: string) => void;
}

/** The task of a cell with its rows in memory: prefixes, whatever else is a default of `train`. */
export function readTask(
  { set, seed }: Cell,
  { data, base, asked, note }: RowsOptions,
): Promise<PreparedTask> {
  const task = TASKS[set];
  const { type, train, reported, selection = reported } = task;
  const evaluation = { ...fileOf(data, selection, task), maxRows: MAX_EVALUATION_ROWS };
  const spec = {
    ...EMPTY_SPEC,
    type,
    method: "prefix" as const,
    seed,
    max_rows: TRAIN_ROWS,
    hyperparameters: asked,
    data: { ...EMPTY_SPEC.data, train: [fileOf(data, train, task)], eval: [evaluation] },
  };
  const sources = diskSources({ folders: ["."], strict: false, note });
  return prepareTask(spec, base.manifest, tokenizerOf(base), sources);
}

/** Rows as a plain head reads them: a label for each text, or for the first piece of each word. */
export const plainFeatures = (
  { type, labels, maxLength }: PreparedTask,
  base: Base,
  examples: readonly Example[],
): Feature[] => featuresOf(examples, tokenizerOf(base), { type, labels, maxLength });
