/**
 * THE REQUEST PATH: open -> encode -> window -> schedule -> run -> head -> decode, the same in a
 * Worker, in a browser and on the command line.
 *
 * An async generator: it yields answers in the order of the inputs, each as soon as it is ready. An
 * error that belongs to one input is yielded in its place; any other error is thrown. When the
 * caller stops listening, work that has not run is dropped.
 */
import type { Queries, Row } from "../core/model/rows.ts";
import { EdgePrefixError, InputError, LimitError, UnavailableError } from "../core/errors.ts";
import type { Arrival } from "./queue/arrivals.ts";
import type { Clock } from "../core/clock.ts";
import type { ModelStore } from "./model-store.ts";
import type { LoadedBase } from "../engine/engine.ts";
import type { Outcome, PredictOptions, Predictor, Progress, Timings, Usage } from "./prediction.ts";
import { turnByTurn } from "../core/turns.ts";
import { readForEmbedding, readForTask } from "./reading.ts";
import type { Reading, Reduced } from "./reading.ts";
import type { Job } from "./queue/job.ts";
import type { Scheduler } from "./queue/scheduler.ts";
import type { TaskStore } from "./task-store.ts";

export type * from "./prediction.ts";

export interface PredictorOptions {
  readonly models: Pick<ModelStore, "get" | "ready">;
  readonly tasks: Pick<TaskStore, "get" | "readAhead">;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** Windows that one text may be read in. */
  readonly maxWindows: number;
}

/** An input on its way with its jobs, or what is wrong with it. */
type Pending<T> = Submitted<T> | EdgePrefixError;

interface Submitted<T> {
  readonly reading: Reading<T>;
  readonly jobs: readonly Job<Reduced>[];
}

const KINDS: readonly Queries[] = ["first", "all"];

export function createPredictor(options: PredictorOptions): Predictor {
  const { models, tasks, scheduler, clock, deadlineMs, maxWindows } = options;

  const predictMany: Predictor["predictMany"] = (base, asks, how) =>
    answerAll(base, asks, how, ({ task, input, parameters }) =>
      readForTask(base, task, input, parameters, maxWindows),
    );

  return {
    async open(name, options) {
      const ahead = models.ready ? null : tasks.readAhead(name, options.version);
      const base = await models.get(options.hold);
      await ahead;
      return { base, ...(await tasks.get(name, base.manifest, options)) };
    },

    async *predict({ base, task }, inputs, parameters, how) {
      const asks = inputs.map((input) => ({ task, input, parameters }));
      for await (const item of predictMany(base, asks, how)) {
        if (!("progress" in item)) yield item;
      }
    },

    predictMany,

    embed: (base, texts, parameters, how) =>
      answerAll(base, texts, how, (text) => readForEmbedding(base, text, parameters, maxWindows)),
  };

  async function* answerAll<Input, T>(
    base: LoadedBase,
    inputs: readonly Input[],
    { signal, arrival, timings = emptyTimings(), usage = emptyUsage() }: PredictOptions,
    read: (input: Input) => Reading<T>,
  ): AsyncGenerator<Outcome<T> | Progress> {
    signal.throwIfAborted();
    const start = clock.now();
    const pending = submit(
      base,
      inputs.map((input) => attempt(() => read(input), isInputsFault)),
      { at: start, ...arrival },
      usage,
    );
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
        try {
          const result = yield* answerOne(index, item, signal, { timings, runs });
          const { isTruncated, rows } = item.reading;
          yield { index, result, isTruncated, tokens: tokensOf(rows) };
        } catch (error) {
          if (!isAnswersFault(error)) throw error;
          scheduler.cancel(item.jobs);
          yield { index, error };
        }
      }
    } finally {
      signal.removeEventListener("abort", drop);
      drop();
    }
  }

  /** Waits for the rows of one input, telling how far it is, and makes its answer of them. */
  async function* answerOne<T>(
    index: number,
    { reading, jobs }: Submitted<T>,
    signal: AbortSignal,
    { timings, runs }: { readonly timings: Timings; readonly runs: Set<Job["run"]> },
  ): AsyncGenerator<Progress, T> {
    const rows: Reduced[] = [];
    for (const job of jobs) {
      if (job.state !== "done" && rows.length > 0) {
        yield { index, progress: { done: rows.length, total: jobs.length } };
      }
      rows.push(await scheduler.finish(job, signal));
      timings.queueMs = Math.max(timings.queueMs, job.queueMs);
      if (!runs.has(job.run)) timings.runMs += job.run?.ms ?? 0;
      runs.add(job.run);
    }
    let othersMs = 0;
    const turn = async (): Promise<void> => {
      const start = clock.now();
      await clock.wait(0);
      othersMs += clock.now() - start;
      signal.throwIfAborted();
    };
    const start = clock.now();
    const result = await turnByTurn(reading.finish(rows), turn);
    timings.decodeMs += clock.now() - start - othersMs;
    timings.queueMs += othersMs;
    return result;
  }

  /** Queues the rows of all inputs at once, so that they share runs; all of them, or none. */
  function submit<T>(
    base: LoadedBase,
    readings: readonly (Reading<T> | EdgePrefixError)[],
    { at, runs }: Partial<Arrival> & Pick<Arrival, "at">,
    usage: Usage,
  ): Pending<T>[] {
    const good = readings.filter((item): item is Reading<T> => !(item instanceof EdgePrefixError));
    const jobs = new Map<Reading<T>, readonly Job<Reduced>[]>();
    const queued: Job<Reduced>[] = [];
    try {
      for (const kind of KINDS) {
        const own = good.filter(({ queries }) => queries === kind);
        const works = own.flatMap((reading) =>
          reading.rows.map((row, i) => ({
            row,
            reduce: (hidden: Float32Array) => reading.reduce(i, hidden),
          })),
        );
        if (works.length === 0) continue;
        const submitted = scheduler.submit(base, works, kind, at + deadlineMs, runs);
        queued.push(...submitted);
        let next = 0;
        for (const reading of own) {
          jobs.set(reading, submitted.slice(next, (next += reading.rows.length)));
        }
      }
    } catch (error) {
      scheduler.cancel(queued);
      throw error;
    }
    usage.windows += queued.length;
    usage.tokens += tokensOf(queued.map(({ row }) => row));
    usage.truncated += good.filter(({ isTruncated }) => isTruncated).length;
    return readings.map((item) =>
      item instanceof EdgePrefixError ? item : { reading: item, jobs: jobs.get(item)! },
    );
  }
}

/** A value, or the error that is this input's own; any other error is thrown on. */
function attempt<T>(
  make: () => T,
  isOwn: (error: unknown) => error is EdgePrefixError,
): T | EdgePrefixError {
  try {
    return make();
  } catch (error) {
    if (isOwn(error)) return error;
    throw error;
  }
}

const isInputsFault = (error: unknown): error is EdgePrefixError =>
  error instanceof InputError || error instanceof LimitError;

/** One input cannot be run, or one task's numbers overflow: the other inputs of the call are sound. */
const isAnswersFault = (error: unknown): error is EdgePrefixError =>
  error instanceof InputError ||
  (error instanceof UnavailableError && error.code === "answer-not-finite");

const tokensOf = (rows: readonly Row[]): number =>
  rows.reduce((sum, { ids }) => sum + ids.length, 0);

const emptyTimings = (): Timings => ({ tokenizeMs: 0, queueMs: 0, runMs: 0, decodeMs: 0 });
const emptyUsage = (): Usage => ({ tokens: 0, windows: 0, truncated: 0 });
