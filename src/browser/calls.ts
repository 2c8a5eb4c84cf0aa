/** What a page asks of its Web Worker, and what the Worker answers. */
import type { EdgePrefixError } from "../core/errors.ts";
import type { TaskManifest } from "../core/format/manifest.ts";
import type { Answer, EmbedParameters, Outcome, Timings, Usage } from "../serve/prediction.ts";
import type { Question, VersionChoice, Versions } from "../serve/questions.ts";
import { errorOf, failureOf } from "./channel/failure.ts";
import type { Failure } from "./channel/failure.ts";

/** What computes in the page. */
export type Backend = "wasm" | "webgpu";

/** What is known of a task that a page has loaded. */
export interface LoadedTask {
  readonly version: string;
  /** True when the bucket's current version cannot be used, so that an older one answers. */
  readonly isStale: boolean;
  readonly manifest: TaskManifest;
}

/** Bytes of the base that have arrived, of all. */
export interface LoadProgress {
  readonly bytes: number;
  readonly total: number;
}

export interface LoadAsk {
  readonly from: string;
  readonly backend: Backend | null;
  readonly apiKey: string | null;
  /** Takes a GPU that is computed by the CPU, too. */
  readonly allowsSoftwareGpu: boolean;
}

/** What computes now. */
export interface BackendState {
  readonly backend: Backend;
  /** Why WebGPU does not compute; null where it does, and where wasm was asked for. */
  readonly noWebgpu: string | null;
}

export interface LoadResult extends BackendState {
  /** Name of the base. */
  readonly base: string;
}

/** What a call has cost, told when its last answer has been given. */
export interface CallFacts {
  /** Which version of each task has answered. */
  readonly versions: Versions;
  /** Milliseconds in the Web Worker. */
  readonly timings: Timings;
  readonly usage: Usage;
}

/** An outcome whose error is plain data. */
export type SentOutcome<T> =
  | Exclude<Outcome<T>, { readonly error: EdgePrefixError }>
  | { readonly index: number; readonly failure: Failure };

export interface PredictorCalls {
  readonly load: { ask: LoadAsk; item: LoadProgress; result: LoadResult };
  readonly tasks: { ask: null; item: never; result: string[] };
  readonly task: { ask: string; item: never; result: LoadedTask };
  readonly predict: {
    ask: readonly (Question & VersionChoice)[];
    item: SentOutcome<Answer>;
    result: CallFacts & BackendState;
  };
  readonly embed: {
    ask: { readonly texts: readonly string[]; readonly parameters: EmbedParameters };
    item: SentOutcome<Float32Array>;
    result: BackendState;
  };
}

export const sent = <T>(outcome: Outcome<T>): SentOutcome<T> =>
  "error" in outcome ? { index: outcome.index, failure: failureOf(outcome.error) } : outcome;

export const received = <T>(outcome: SentOutcome<T>): Outcome<T> =>
  "failure" in outcome
    ? { index: outcome.index, error: errorOf(outcome.failure) as EdgePrefixError }
    : outcome;
