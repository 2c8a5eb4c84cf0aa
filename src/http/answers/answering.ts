/**
 * What every route that answers texts has in common: bad texts keep their places among the good
 * ones, an answer is JSON or a stream, its headers say what it came from, and a client that leaves
 * stops the work.
 */
import type { EdgePrefixError } from "../../core/errors.ts";
import { servedIdentity } from "../../core/format/manifest.ts";
import type { Arrival } from "../../serve/queue/arrivals.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import type { Outcome, Progress, Timings, Usage } from "../../serve/predictor.ts";
import type { AppContext, AppDeps } from "../context/context.ts";
import { describeFailure } from "./middleware.ts";
import { FailedInputError } from "./problem.ts";
import { streamOf, withHeartbeat, writeStream } from "./respond.ts";
import type { Format, StreamItem } from "./respond.ts";

/** One request's work: how to stop it, and what it has cost so far. */
export interface Work {
  readonly arrival: Arrival | undefined;
  readonly signal: AbortSignal;
  stop(): void;
  readonly timings: Timings;
  readonly usage: Usage;
}

/**
 * Work that ends when the client leaves, or when `stop` is called. From here on the queue counts the
 * request's rows: nothing may be awaited before they are handed to the predictor.
 */
export function startWork(c: AppContext, { arrivals }: AppDeps): Work {
  const abort = new AbortController();
  if (c.var.arrival) arrivals.queue(c.var.arrival);
  return {
    arrival: c.var.arrival,
    signal: AbortSignal.any([c.req.raw.signal, abort.signal]),
    stop: () => abort.abort(),
    timings: { tokenizeMs: 0, queueMs: 0, runMs: 0, decodeMs: 0 },
    usage: { tokens: 0, windows: 0, truncated: 0 },
  };
}

/** Failures that an input meets through a parameter, which is what is to be changed. */
const PARAMETER_AT_FAULT: Readonly<Record<string, string>> = {
  "max-length-invalid": "/parameters/max_length",
  "stride-invalid": "/parameters/stride",
};

/** The failure of one input as the failure of the whole request. */
export function atInput(
  index: number,
  failure: EdgePrefixError,
  isSingle: boolean,
): FailedInputError {
  const input = isSingle ? "/inputs" : `/inputs/${index}`;
  return new FailedInputError(failure, PARAMETER_AT_FAULT[failure.code] ?? input);
}

/** Outcomes of the inputs that have not failed, with the failures in their places. */
export async function* weave<T>(
  count: number,
  failures: ReadonlyMap<number, EdgePrefixError>,
  run: (indexes: readonly number[]) => AsyncIterable<Outcome<T> | Progress>,
): AsyncGenerator<Outcome<T> | Progress> {
  const indexes = Array.from({ length: count }, (_, index) => index);
  const good = indexes.filter((index) => !failures.has(index));
  let next = 0;
  function* failuresBefore(end: number): Generator<Outcome<T>> {
    for (; next < end; next++) yield { index: next, error: failures.get(next)! };
  }
  if (good.length > 0) {
    for await (const outcome of run(good)) {
      const index = good[outcome.index]!;
      yield* failuresBefore(index);
      yield { ...outcome, index };
      if (!("progress" in outcome)) next = index + 1;
    }
  }
  yield* failuresBefore(count);
}

/** All results, in order; throws the first input's failure as the request's. */
export async function collect<T>(
  outcomes: AsyncIterable<Outcome<T> | Progress> | Iterable<Outcome<T>>,
  isSingle: boolean,
): Promise<T[]> {
  const results: T[] = [];
  for await (const outcome of outcomes) {
    if ("error" in outcome) throw atInput(outcome.index, outcome.error, isSingle);
    if ("result" in outcome) results.push(outcome.result);
  }
  return results;
}

/** What a stream says of an outcome; `show` turns a result into JSON. */
export async function* toItems<T>(
  outcomes: AsyncIterable<Outcome<T> | Progress>,
  show: (result: T) => unknown,
): AsyncGenerator<StreamItem> {
  for await (const outcome of outcomes) {
    if ("result" in outcome) yield { index: outcome.index, result: show(outcome.result) };
    else yield { ...outcome };
  }
}

export interface StreamedAnswer {
  readonly format: Exclude<Format, "application/json">;
  readonly items: AsyncGenerator<StreamItem>;
  readonly work: Work;
  /** One input was sent, not a list: its failure is the request's. */
  readonly isSingle: boolean;
  /** Sets the answer's headers, once the first item is there. */
  readonly setHeaders: () => void;
}

/** Streams items as they come. The first decides the status: an overload is a 503, not a line after a 200. */
export async function streamAnswer(
  c: AppContext,
  deps: AppDeps,
  { format, items, work, isSingle, setHeaders }: StreamedAnswer,
): Promise<Response> {
  const { wait } = deps;
  const first = await items.next();
  if (isSingle && !first.done && "error" in first.value) {
    throw atInput(0, first.value.error as EdgePrefixError, true);
  }
  const lines = writeStream(resume(first, items), format, (error) =>
    describeFailure(deps, c, error),
  );
  let onEnd = (): void => undefined;
  c.set("streamEnd", new Promise((resolve) => (onEnd = resolve)));
  const onCancel = (): Promise<unknown> => {
    work.stop();
    return items.return(undefined);
  };
  setHeaders();
  const chunks = format === "text/event-stream" ? withHeartbeat(lines, wait) : lines;
  return c.body(streamOf(chunks, { wait, onCancel, onEnd }));
}

/** The rest of a generator with its first result put back. */
async function* resume<T>(
  first: IteratorResult<T, unknown>,
  rest: AsyncGenerator<T>,
): AsyncGenerator<T> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

/** Says that an older version than the current one answers, and why where that is known. */
export function setStale(
  c: AppContext,
  { isStale, staleCode }: { readonly isStale: boolean; readonly staleCode?: string | undefined },
): void {
  if (!isStale) return;
  c.header("x-task-stale", "true");
  if (staleCode !== undefined) c.header("x-task-stale-code", staleCode);
}

/**
 * Headers that every answer has. server-timing is what the clock saw: in a deployed Worker it stands
 * still during computation, so only waiting shows; of a stream it covers what came before the first
 * line. `x-truncated` counts the inputs that were cut; it is missing when none was.
 */
export function setAnswerHeaders(
  c: AppContext,
  base: LoadedBase,
  { timings, usage }: Work,
  format: Format,
): void {
  const set = (name: string, value: string): void => c.header(name, value);
  set("content-type", format === "text/event-stream" ? `${format}; charset=utf-8` : format);
  set("cache-control", "no-store");
  set("x-model-identity", servedIdentity(base));
  if (usage.truncated > 0) set("x-truncated", String(usage.truncated));
  const durations = {
    tokenize: timings.tokenizeMs,
    queue: timings.queueMs,
    run: timings.runMs,
    decode: timings.decodeMs,
  };
  set(
    "server-timing",
    Object.entries(durations)
      .map(([name, ms]) => `${name};dur=${ms.toFixed(1)}`)
      .join(", "),
  );
}
