/** Which runs `bench starts` makes: tasks about pairs of texts, rows to learn from, and contenders. */
import { EMPTY_SPEC } from "../../src/learn/task/spec.ts";
import type { TaskSpec } from "../../src/learn/task/spec.ts";
import { settingsOf } from "../accuracy/settings.ts";

export const STARTED_TASKS = ["sick", "rte", "same-question"] as const;
export type StartedTask = (typeof STARTED_TASKS)[number];

export const TITLES: Readonly<Record<StartedTask, string>> = {
  sick: "SICK",
  rte: "RTE",
  "same-question": "same-question",
};

/**
 * `train` is what `train` makes of the rows by itself, `random` the start's method from random numbers,
 * `start` the same from the start.
 */
export const STARTED_BY = ["train", "random", "start"] as const;
export type StartedBy = (typeof STARTED_BY)[number];

export const ROW_COUNTS = ["100", "500", "all"] as const;
export type RowCount = (typeof ROW_COUNTS)[number];

export interface Cell {
  readonly task: StartedTask;
  readonly rows: RowCount;
  readonly by: StartedBy;
  readonly seed: number;
}

export const cellName = ({ task, rows, by, seed }: Cell): string => `${task}.${rows}.${by}.${seed}`;

/** What a cell asks of `train`, besides its rows. Whole data sets have the accuracy table's settings. */
export function specOf({ rows, by, seed }: Cell, init: string): TaskSpec {
  if (by === "train") return { ...EMPTY_SPEC, seed };
  const { hyperparameters } = settingsOf("rte", "prefix-bias");
  return {
    ...EMPTY_SPEC,
    seed,
    method: "prefix-bias",
    ...(by === "start" && { init }),
    ...(rows === "all" && { hyperparameters }),
  };
}
