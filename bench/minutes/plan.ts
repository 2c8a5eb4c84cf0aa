/** Which cells `bench minutes` has: a data set, who trains, and a seed. */
import type { TaskId } from "../accuracy/tasks.ts";

export const SET_IDS = ["sst2", "banking77", "snips"] as const satisfies readonly TaskId[];
export type SetId = (typeof SET_IDS)[number];

/** `ours` is `train` as its defaults make it, `peft` prefix tuning of PEFT in PyTorch. */
export const CONTENDERS = ["ours", "peft"] as const;
export type Contender = (typeof CONTENDERS)[number];

export interface Cell {
  readonly set: SetId;
  readonly contender: Contender;
  readonly seed: number;
}

/** Rows learned from, and at most so many held-out rows that the score is of. */
export const TRAIN_ROWS = 5_000;
export const MAX_EVALUATION_ROWS = 1_000;
/** Measurements of the score in an epoch: an epoch alone would be too coarse for a ratio of times. */
const MEASUREMENTS_AN_EPOCH = 4;

/** Steps after which the score is measured: equally often in each epoch, and always at its end. */
export function marksOf(perEpoch: number, epochs: number): number[] {
  const every = Math.ceil(perEpoch / MEASUREMENTS_AN_EPOCH);
  return Array.from({ length: epochs }, (_, epoch) =>
    Array.from({ length: Math.ceil(perEpoch / every) }, (__, i) =>
      Math.min(perEpoch, (i + 1) * every),
    ).map((step) => epoch * perEpoch + step),
  ).flat();
}

/** `sst2.peft.0`: name of a cell's file. */
export const cellName = ({ set, contender, seed }: Cell): string => `${set}.${contender}.${seed}`;
