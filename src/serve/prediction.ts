/** The input and output of the request path, without HTTP. */
import type { Classification, FunctionToApply } from "../core/model/decode.ts";
import type { EmbeddingPooling } from "../core/model/embedding.ts";
import type { EdgePrefixError } from "../core/errors.ts";
import type { AggregationStrategy, Entity, OffsetUnit } from "../core/model/spans.ts";
import type { Task } from "../core/format/task.ts";
import type { Arrival } from "./queue/arrivals.ts";
import type { LoadedBase } from "../engine/engine.ts";
import type { GetOptions } from "./task-store.ts";

/** A text, and a second one for a task that compares two. */
export interface TextInput {
  readonly text: string;
  readonly text_pair?: string | undefined;
}

/** What a caller may ask for, spelled as Hugging Face spells it; absent means the task's own. */
export interface PredictParameters {
  /** Labels to answer, best first; all by default. */
  readonly top_k?: number | undefined;
  /** The least score of a label that is answered; a text may then have none. */
  readonly min_score?: number | undefined;
  /** What makes scores of logits; `none` answers the logits. */
  readonly function_to_apply?: FunctionToApply | undefined;
  /** How pieces become entities; `simple` by default, `none` answers single pieces. */
  readonly aggregation_strategy?: AggregationStrategy | undefined;
  /** Tags to leave out; ["O"] by default. */
  readonly ignore_labels?: readonly string[] | undefined;
  /** Tokens that neighbouring windows of a long text share. */
  readonly stride?: number | undefined;
  /** Tokens of a window. */
  readonly max_length?: number | undefined;
  /** Cut a text that is longer than a window instead of reading all of it. */
  readonly truncation?: boolean | undefined;
  /** Unit of `start` and `end`: `codepoint` (Python's, by default) or `utf16` (JavaScript's). */
  readonly offset_unit?: OffsetUnit | undefined;
}

/** What a caller of the base's own embeddings may ask for. */
export interface EmbedParameters {
  /** How tokens become one vector; by default the base's own way, `mean` where it names none. */
  readonly pooling?: EmbeddingPooling | undefined;
  /** Scale to length 1; true by default. */
  readonly normalize?: boolean | undefined;
  /** Cut a text that is longer than a window instead of reading all of it. */
  readonly truncate?: boolean | undefined;
}

/** One input and the task that is to answer it. */
export interface Ask {
  readonly task: Task;
  readonly input: TextInput;
  readonly parameters: PredictParameters;
}

/** Labels, best first, of a task for whole texts; entities, in text order, of a task for tags. */
export type Answer = Classification[] | Entity[];

/**
 * The result of one input, or its own error; `index` is its place among the inputs, from 0. `tokens`
 * counts those of its rows, special tokens included, padding not.
 */
export type Outcome<T> =
  | {
      readonly index: number;
      readonly result: T;
      readonly isTruncated: boolean;
      readonly tokens: number;
    }
  | { readonly index: number; readonly error: EdgePrefixError };

/** How many windows of a long text have been read. Told after each run but the last. */
export interface Progress {
  readonly index: number;
  readonly progress: { readonly done: number; readonly total: number };
}

/** One input's answer by a task. */
export type Prediction = Outcome<Answer>;

/** Milliseconds spent, added up while predicting. */
export interface Timings {
  tokenizeMs: number;
  queueMs: number;
  runMs: number;
  decodeMs: number;
}

/** How much work a request is; known before its first answer. */
export interface Usage {
  /** Tokens of all rows, special tokens included, padding not. */
  tokens: number;
  windows: number;
  /** Inputs that were cut to fit one window. */
  truncated: number;
}

export interface PredictOptions {
  /** When the request came in, where arrivals are counted; its deadline counts from then. */
  readonly arrival?: Arrival | undefined;
  /** Drops what has not run when it aborts. */
  readonly signal: AbortSignal;
  readonly timings?: Timings;
  readonly usage?: Usage;
}

/** A task and the base it runs on, held for one request. */
export interface Opened {
  readonly base: LoadedBase;
  readonly task: Task;
  readonly isStale: boolean;
  /** Code of what keeps the current version from answering, where that is known. */
  readonly staleCode?: string | undefined;
}

export interface Predictor {
  /** Finds the base and the task; for errors see model-store.ts and task-store.ts. */
  open(task: string, options: GetOptions): Promise<Opened>;
  /** Answers texts by one task, in their order, each as soon as it is ready. */
  predict(
    opened: Opened,
    inputs: readonly TextInput[],
    parameters: PredictParameters,
    options: PredictOptions,
  ): AsyncGenerator<Prediction>;
  /** The same for any mix of tasks: their rows share runs. Tells the progress of long texts too. */
  predictMany(
    base: LoadedBase,
    asks: readonly Ask[],
    options: PredictOptions,
  ): AsyncGenerator<Prediction | Progress>;
  /** The base's own vectors [H] of texts; no task is involved. */
  embed(
    base: LoadedBase,
    texts: readonly string[],
    parameters: EmbedParameters,
    options: PredictOptions,
  ): AsyncGenerator<Outcome<Float32Array> | Progress>;
}
