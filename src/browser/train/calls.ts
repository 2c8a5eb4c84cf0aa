/** What the training part of a page asks of its Web Worker, and what that answers: plain data alone. */
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import type { TableStart } from "../../learn/data/table-start.ts";
import type { Estimate } from "../../learn/loop/estimate.ts";
import type { EpochRecord } from "../../learn/loop/run-state.ts";
import type { StepReport } from "../../learn/loop/trainer.ts";
import type { DataSummary } from "../../learn/measure/data-summary.ts";
import type { Method } from "../../learn/methods.ts";
import type { ShownSetting } from "../../learn/task/settings.ts";
import type { ReportFacts } from "../../report/facts.ts";
import type { Failure } from "../channel/failure.ts";
import type { LoadProgress } from "../calls.ts";

/** A file that the person has chosen. */
export interface GivenFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What a person may choose; null is left to the recipe. */
export interface Choices {
  readonly type: TaskType | null;
  readonly problemType: ProblemType | null;
  readonly textColumn: string | null;
  readonly pairColumn: string | null;
  readonly labelColumn: string | null;
  readonly method: Method | null;
  readonly epochs: number | null;
  readonly learningRate: number | null;
  readonly seed: number;
}

export const NO_CHOICES: Choices = {
  type: null,
  problemType: null,
  textColumn: null,
  pairColumn: null,
  labelColumn: null,
  method: null,
  epochs: null,
  learningRate: null,
  seed: 0,
};

/** A task to train. */
export interface TrainingRequest {
  readonly name: string;
  readonly file: GivenFile;
  /** Rows to evaluate on; null: rows of the file are held out. */
  readonly evaluation: GivenFile | null;
  readonly choices: Choices;
}

export interface OpenAsk {
  /** Address of what gives out the base's files. */
  readonly from: string;
  readonly apiKey: string | null;
  /** Address of ONNX Runtime's wasm file. */
  readonly runtimeUrl: string;
}

export interface OpenResult {
  /** Name of the base. */
  readonly base: string;
}

/** What is known of the data and of the run before the first step. */
export interface Prepared {
  readonly type: TaskType;
  readonly problemType: ProblemType;
  readonly labels: readonly string[];
  /** Rows to train on, and rows that are measured: of their own, or held out in turn. */
  readonly rows: number;
  readonly measured: { readonly rows: number; readonly name: string; readonly inFolds: boolean };
  readonly maxLength: number;
  readonly summary: DataSummary;
  readonly settings: readonly ShownSetting[];
}

/** What was seen of a file: its columns in any case, and the rest or what is wrong. */
export interface Look {
  readonly start: TableStart;
  readonly prepared: Prepared | { readonly failure: Failure };
  /** Problems of rows with their lines, warnings: what the command line prints. */
  readonly notes: readonly string[];
}

/** What happens in a run, in its order. */
export type RunEvent =
  | { readonly kind: "note"; readonly line: string }
  | { readonly kind: "estimate"; readonly estimate: Estimate }
  | { readonly kind: "step"; readonly report: StepReport }
  | { readonly kind: "epoch"; readonly record: EpochRecord; readonly epochs: number };

/** A finished task, or where a run was stopped. */
export type RunEnd =
  | { readonly isDone: false; readonly step: number }
  | {
      readonly isDone: true;
      readonly task: string;
      readonly version: string;
      readonly base: string;
      /** Whether the task compares two texts. */
      readonly takesPairs: boolean;
      /** What report and card say, the evaluation included. */
      readonly facts: ReportFacts;
      /** The task folder. */
      readonly files: readonly GivenFile[];
    };

/** A task's answer to one text, in the shape of the endpoint. */
export interface TriedAnswer {
  readonly result: unknown;
}

export interface TrainingCalls {
  /** Loads the base. */
  readonly open: { ask: OpenAsk; item: LoadProgress; result: OpenResult };
  readonly look: { ask: TrainingRequest; item: never; result: Look };
  /** Trains; null goes on with the unfinished run. */
  readonly train: { ask: TrainingRequest | null; item: RunEvent; result: RunEnd };
  /** Stops the run after its step; it can be gone on with. */
  readonly stop: { ask: null; item: never; result: void };
  /** Asks the task that was trained last. */
  readonly tryOut: {
    ask: { readonly text: string; readonly pair: string | null };
    item: never;
    result: TriedAnswer;
  };
}
