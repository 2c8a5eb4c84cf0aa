/** What the pretraining benchmark trains on, and how; chosen beforehand, not by its results. */
import type { DataSpec } from "../../src/learn/task/spec.ts";
import type { TaskId } from "../accuracy/tasks.ts";

/** Data sets that the prefix is pretrained on: path below the data folder and licence. */
export const SOURCES = {
  data: {
    banking77: { paths: ["banking77/train.csv"], licence: "CC BY 4.0" },
    sst2: { paths: ["sst2/train.tsv"], licence: "research" },
    btc: {
      paths: ["a", "b", "e", "f", "g", "h"].map((part) => `btc/${part}.conll`),
      licence: "CC BY 4.0",
    },
  } satisfies Record<string, { paths: readonly string[]; licence: DataSpec["licence"] }>,
  settings: { num_virtual_tokens: 16, max_rows: 1_000, epochs: 3, batch_size: 16 },
} as const;

export const SOURCE_NAMES: readonly string[] = Object.keys(SOURCES.data);

/** Labelling near to one of the sources, and labelling of another kind: slots of spoken orders. */
export const FEW = {
  tasks: ["wnut17", "snips"],
  rows: 150,
  epochs: 16,
  /** Rows that choose the epoch. */
  selection_rows: 100,
  /** Rows of the reported split that are answered, drawn at random. */
  reported_rows: 500,
} as const satisfies { tasks: readonly TaskId[] } & Record<string, unknown>;
