/**
 * THE REQUEST PATH: open -> encode -> window -> schedule -> run -> head -> decode, the same in a
 * Worker, in a browser and on the command line.
 *
 * An async generator: answers come in the order of the inputs, each as soon as it is ready. An
 * input's own fault becomes an answer with an error; whatever else goes wrong throws. When the
 * caller stops listening, work that has not run is dropped.
 */
import { answerLogits, defaultStride, queriesOf, rowOf } from "../core/answer.ts";
import { classify } from "../core/decode.ts";
import { InputError, LimitError, UnavailableError } from "../core/errors.ts";
import type { EdgePrefixError } from "../core/errors.ts";
import { findEntities } from "../core/spans.ts";
import type { Task } from "../core/task.ts";
import { splitWindows } from "../core/windows.ts";
import type { Split } from "../core/windows.ts";
import type { Clock } from "./flight.ts";
import type { LoadedBase, ModelStore } from "./model-store.ts";
import type {
  Answer,
  Opened,
  PredictParameters,
  Predictor,
  TextInput,
  Timings,
} from "./prediction.ts";
import type { Job, Scheduler } from "./scheduler.ts";
import type { TaskStore } from "./task-store.ts";

export type * from "./prediction.ts";

export interface PredictorOptions {
  readonly models: Pick<ModelStore, "get">;
  readonly tasks: Pick<TaskStore, "get">;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** Windows that one text may be read in. */
  readonly maxWindows: number;
}

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
      signal.throwIfAborted();
      const { task, base } = opened;
      const start = clock.now();
      const pending = submitAll(opened, inputs, parameters, start + deadlineMs);
      timings.tokenizeMs += clock.now() - start;
      const drop = (): void =>
        scheduler.cancel(pending.flatMap((item) => (item instanceof Error ? [] : item.jobs)));
      // In a Worker the event is the last that runs of a request whose client has left: nothing
      // after an await does, `finally` included.
      signal.addEventListener("abort", drop, { once: true });
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
        signal.removeEventListener("abort", drop);
        drop();
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
    const jobs = scheduler.submit(base, rows, queriesOf(task.manifest.pooling), deadlineAt);
    let next = 0;
    return splits.map((split) =>
      split instanceof Error
        ? split
        : { split, jobs: jobs.slice(next, (next += split.windows.length)) },
    );
  }
}

const emptyTimings = (): Timings => ({ tokenizeMs: 0, queueMs: 0, runMs: 0, decodeMs: 0 });

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
  checkNotEmpty("text", text);
  if (pair !== undefined) checkNotEmpty("text_pair", pair);
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
    stride: parameters.stride ?? defaultStride(maxLength),
    truncation: parameters.truncation ?? false,
    maxWindows,
  });
}

/** A text without words has no answer, though special tokens alone would get one. */
function checkNotEmpty(subject: string, text: string): void {
  if (text.trim() !== "") return;
  throw new InputError("text-empty", `${subject}: has no text, expected at least one character`);
}

/** Hidden states of an input's windows -> its answer. */
function decode(
  { manifest: { hidden_size: hiddenSize }, pooler }: LoadedBase,
  task: Task,
  { text }: TextInput,
  split: Split,
  hidden: readonly Float32Array[],
  parameters: PredictParameters,
): Answer {
  const { manifest } = task;
  const logits = answerLogits(task, split, hidden, hiddenSize, pooler);
  for (const row of logits) checkLogits(row);
  if (manifest.type === "sequence") return classify(logits[0]!, manifest, parameters);
  const { firstRow } = split.windows[0]!;
  return findEntities(text, split.pieces, logits, manifest, { ...parameters, firstRow });
}

/** No answer is better than one made of NaN. */
function checkLogits(logits: Float32Array): void {
  if (!logits.every(Number.isFinite)) {
    throw new UnavailableError("answer-not-finite", "answer: the model returned NaN or infinity");
  }
}
