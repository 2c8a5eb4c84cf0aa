/** The six public data sets of the accuracy table, as files below one folder. */
import { join } from "node:path";
import type { TaskType } from "../../src/core/model/task.ts";
import type { DataOptions } from "../../src/learn/data/read.ts";
import type { DataFile } from "../../src/learn/task/spec.ts";

export const TASK_IDS = ["wnut17", "banking77", "rte", "snips", "sst2", "conll2003"] as const;
export type TaskId = (typeof TASK_IDS)[number];

export interface BenchTask {
  readonly title: string;
  readonly type: TaskType;
  /** Which split is reported. */
  readonly split: "test" | "dev";
  /** Paths below the data folder. */
  readonly train: string;
  readonly reported: string;
  /** By which the epoch is chosen; absent where the data set has no split to spare. */
  readonly selection?: string;
  readonly options?: DataOptions;
}

const RTE = { textColumn: "sentence1", pairColumn: "sentence2" } as const;
const CONLL = { format: "conll", tagColumn: 2 } as const;

export const TASKS: Readonly<Record<TaskId, BenchTask>> = {
  wnut17: {
    title: "WNUT-17",
    type: "token",
    split: "test",
    train: "wnut17/train.conll",
    selection: "wnut17/dev.conll",
    reported: "wnut17/test.conll",
  },
  banking77: {
    title: "banking77",
    type: "sequence",
    split: "test",
    train: "banking77/train.csv",
    reported: "banking77/test.csv",
  },
  rte: {
    title: "RTE",
    type: "sequence",
    split: "dev",
    train: "rte/glue_train.tsv",
    reported: "rte/glue_dev.tsv",
    options: RTE,
  },
  snips: {
    title: "SNIPS slots",
    type: "token",
    split: "test",
    train: "snips/train/seq.in",
    selection: "snips/valid/seq.in",
    reported: "snips/test/seq.in",
  },
  sst2: {
    title: "SST-2",
    type: "sequence",
    split: "dev",
    train: "sst2/train.tsv",
    reported: "sst2/dev.tsv",
  },
  conll2003: {
    title: "CoNLL-2003",
    type: "token",
    split: "test",
    train: "conll2003/train.txt",
    selection: "conll2003/valid.txt",
    reported: "conll2003/test.txt",
    options: CONLL,
  },
};

/** A file of the data folder, to be read as its data set asks. */
export const fileOf = (data: string, path: string, { options }: BenchTask): DataFile => ({
  ...options,
  path: join(data, path),
});
