/**
 * THE REQUEST PATH: open -> encode -> window -> schedule -> run -> head -> decode, the same in a
 * Worker, in a browser and on the command line.
 *
 * An async generator: answers come in the order of the inputs, each as soon as it is ready. An
 * input's own fault becomes an answer with an error; whatever else goes wrong throws. When the
 * caller stops listening, work that has not run is dropped.
 */
import type { Queries, Row } from "../core/collate.ts";
import { classify } from "../core/decode.ts";
import type { Classification, FunctionToApply } from "../core/decode.ts";
import { InputError, LimitError, UnavailableError } from "../core/errors.ts";
import type { EdgePrefixError } from "../core/errors.ts";
import { linear, pool, tokenLogits } from "../core/head.ts";
import { findEntities } from "../core/spans.ts";
import type { AggregationStrategy, Entity, OffsetUnit } from "../core/spans.ts";
import type { Task } from "../core/task.ts";
import { mergeSequence, mergeTokens, splitWindows } from "../core/windows.ts";
import type { Split, Window } from "../core/windows.ts";
import type { Clock, Hold } from "./flight.ts";
import type { LoadedBase, ModelStore } from "./model-store.ts";
import type { Job, Scheduler } from "./scheduler.ts";
import type { TaskStore } from "./task-store.ts";

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

export interface PredictorOptions {
  readonly models: Pick<ModelStore, "get">;
  readonly tasks: Pick<TaskStore, "get">;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** Windows that one text may be read in. */
  readonly maxWindows: number;
}

/** Neighbouring windows share this many pieces unless the caller says otherwise, or a quarter of a short window. */
const DEFAULT_STRIDE = 64;

/** An input on its way: its windows and their jobs, or what is wrong with it. */
type Pending = { readonly split: Split; readonly jobs: readonly Job[] } | EdgePrefixError;

export function createPredictor(options: PredictorOptions): Predictor {
  const { models, tasks, scheduler, clock, deadlineMs, maxWindows } = options;

  return {
    async open(name, { version, hold }) {
      const base = await models.get(hold);
      return { base, ...(await tasks.get(name, base.manifest, version)) };
    },

    async *predict(opened, inputs, parameters, { signal, timings = emptyTimings() }) {
      const { task, base } = opened;
      const start = clock.now();
      const pending = submitAll(opened, inputs, parameters, start + deadlineMs);
      timings.tokenizeMs += clock.now() - start;
      // Rows that shared a run cost its time once.
      const runs = new Set<Job["run"]>();
      try {
        for (const [index, item] of pending.entries()) {
          if (item instanceof Error) {
            yield { index, error: item };
            continue;
          }
          const hidden: Float32Array[] = [];
          for (const job of item.jobs) {
            hidden.push(await scheduler.finish(job, signal));
            timings.queueMs = Math.max(timings.queueMs, job.queueMs);
            if (!runs.has(job.run)) timings.runMs += job.run?.ms ?? 0;
            runs.add(job.run);
          }
          const decodeStart = clock.now();
          const result = decode(base, task, inputs[index]!, item.split, hidden, parameters);
          timings.decodeMs += clock.now() - decodeStart;
          yield { index, result, isTruncated: item.split.isTruncated };
        }
      } finally {
        scheduler.cancel(pending.flatMap((item) => (item instanceof Error ? [] : item.jobs)));
      }
    },
  };

  /** Encodes every input and queues all windows at once, so that they share runs. */
  function submitAll(
    { base, task }: Opened,
    inputs: readonly TextInput[],
    parameters: PredictParameters,
    deadlineAt: number,
  ): Pending[] {
    const splits = inputs.map((input) => {
      try {
        return encode(base, task, input, parameters, maxWindows);
      } catch (error) {
        if (error instanceof InputError || error instanceof LimitError) return error;
        throw error;
      }
    });
    const rows = splits.flatMap((split) =>
      split instanceof Error ? [] : split.windows.map((window) => rowOf(window, task)),
    );
    const jobs = scheduler.submit(base, rows, queriesOf(task), deadlineAt);
    let next = 0;
    return splits.map((split) =>
      split instanceof Error
        ? split
        : { split, jobs: jobs.slice(next, (next += split.windows.length)) },
    );
  }
}

const emptyTimings = (): Timings => ({ tokenizeMs: 0, queueMs: 0, runMs: 0, decodeMs: 0 });

/** A task that reads one position asks the last layer for one. */
const queriesOf = ({ manifest: { pooling } }: Task): Queries =>
  pooling === "cls" || pooling === "pooler" ? "first" : "all";

const rowOf = ({ encoding }: Window, { prefix, manifest }: Task): Row => ({
  ids: encoding.ids,
  typeIds: encoding.typeIds,
  prefix,
  positionOffset: manifest.position_offset,
});

function encode(
  { tokenizer }: LoadedBase,
  { manifest }: Task,
  { text, text_pair: pair }: TextInput,
  parameters: PredictParameters,
  maxWindows: number,
): Split {
  if (pair !== undefined && manifest.type === "token") {
    throw new InputError(
      "pair-not-supported",
      `task "${manifest.task}": labels the tokens of one text, found a text_pair`,
    );
  }
  const maxLength = parameters.max_length ?? manifest.max_length;
  const least = tokenizer.specialTokenCount(pair !== undefined) + 1;
  if (maxLength > manifest.max_length || maxLength < least) {
    throw new InputError(
      "max-length-invalid",
      `max_length: is ${maxLength}, task "${manifest.task}" allows ${least} to ${manifest.max_length}`,
    );
  }
  return splitWindows(tokenizer, text, pair, {
    maxLength,
    stride: parameters.stride ?? Math.min(DEFAULT_STRIDE, Math.floor(maxLength / 4)),
    truncation: parameters.truncation ?? false,
    maxWindows,
  });
}

/** Hidden states of an input's windows -> its answer. */
function decode(
  { manifest: { hidden_size: hiddenSize }, pooler }: LoadedBase,
  { manifest, head }: Task,
  { text }: TextInput,
  split: Split,
  hidden: readonly Float32Array[],
  parameters: PredictParameters,
): Answer {
  const { pooling } = manifest;
  if (pooling === "none") {
    const logits = hidden.map((states, w) =>
      tokenLogits(states, split.windows[w]!.encoding.ids.length, hiddenSize, head),
    );
    const merged = mergeTokens(split, logits);
    for (const row of merged) checkLogits(row);
    const firstRow = split.windows[0]!.firstRow;
    return findEntities(text, split.pieces, merged, manifest, { ...parameters, firstRow });
  }
  const logits = hidden.map((states, w) => {
    const length = split.windows[w]!.encoding.ids.length;
    return linear(pool(states, length, hiddenSize, pooling, pooler), head.weight, head.bias);
  });
  const merged = mergeSequence(logits);
  checkLogits(merged);
  return classify(merged, manifest, parameters);
}

/** No answer is better than one made of NaN. */
function checkLogits(logits: Float32Array): void {
  if (!logits.every(Number.isFinite)) {
    throw new UnavailableError("answer-not-finite", "answer: the model returned NaN or infinity");
  }
}
