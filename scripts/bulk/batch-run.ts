/** What both ways of running a batch have in common: what is asked, and what comes of it. */
import type { Rows } from "../../src/serve/bulk/job.ts";
import type { PredictParameters } from "../../src/serve/prediction.ts";

/** One file and how its rows are answered. */
export interface BatchAsk {
  /** Path of the file. */
  readonly input: string;
  readonly output: string;
  /** Path of the list of rows that failed; there is none when all were answered. */
  readonly errors: string;
  readonly rows: Exclude<Rows, { kind: "requests" }>;
  readonly parameters: PredictParameters;
}

/** Told while it runs. */
export interface BatchProgress {
  readonly bytes: number;
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
}

export interface BatchResult {
  readonly status: string;
  readonly completed: number;
  readonly failed: number;
}

export type Tell = (progress: BatchProgress) => void;
