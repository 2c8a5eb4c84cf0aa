/** What goes into the request path and what comes out of it, without HTTP. */
import type { Classification, FunctionToApply } from "../core/decode.ts";
import type { EdgePrefixError } from "../core/errors.ts";
import type { AggregationStrategy, Entity, OffsetUnit } from "../core/spans.ts";
import type { Task } from "../core/task.ts";
import type { Hold } from "./flight.ts";
import type { LoadedBase } from "./model-store.ts";

export interface TextInput {
  readonly text: string;
  readonly text_pair?: string | undefined;
}

/** What a caller may ask for, spelled as Hugging Face spells it; absent means the task's own. */
export interface PredictParameters {
  readonly top_k?: number | undefined;
  readonly function_to_apply?: FunctionToApply | undefined;
  readonly aggregation_strategy?: AggregationStrategy | undefined;
  readonly ignore_labels?: readonly string[] | undefined;
  readonly stride?: number | undefined;
  readonly max_length?: number | undefined;
  readonly truncation?: boolean | undefined;
  readonly offset_unit?: OffsetUnit | undefined;
}

export type Answer = Classification[] | Entity[];

export type Prediction =
  | { readonly index: number; readonly result: Answer; readonly isTruncated: boolean }
  | { readonly index: number; readonly error: EdgePrefixError };

/** Milliseconds spent, added up while predicting. */
export interface Timings {
  tokenizeMs: number;
  queueMs: number;
  runMs: number;
  decodeMs: number;
}

/** A task and the base it runs on, held for one request. */
export interface Opened {
  readonly base: LoadedBase;
  readonly task: Task;
  readonly isStale: boolean;
}

export interface Predictor {
  /** Finds the base and the task; for errors see model-store.ts and task-store.ts. */
  open(task: string, options: { version?: string | undefined; hold: Hold }): Promise<Opened>;
  predict(
    opened: Opened,
    inputs: readonly TextInput[],
    parameters: PredictParameters,
    options: { signal: AbortSignal; timings?: Timings },
  ): AsyncGenerator<Prediction>;
}
