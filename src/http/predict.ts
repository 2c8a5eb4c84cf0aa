/**
 * POST /v1/tasks/:task/predict: read and check the request, open the task, answer in the format
 * that was asked for. Whatever can be refused is refused before the model is touched.
 */
import { InputError } from "../core/errors.ts";
import type { EdgePrefixError } from "../core/errors.ts";
import { shortIdentity } from "../core/manifest.ts";
import type { Opened, Prediction, Timings } from "../serve/predictor.ts";
import { holdOf } from "./context.ts";
import type { AppContext, AppDeps, AppHandler } from "./context.ts";
import { checkInputs, readJson } from "./limits.ts";
import { describeFailure } from "./middleware.ts";
import { FailedInputError } from "./problem.ts";
import { negotiate, streamOf, writeStream } from "./respond.ts";
import { readPredictRequest } from "./schema.ts";

export function predict(deps: AppDeps): AppHandler {
  const { config, predictor, wait } = deps;
  return async (c) => {
    const format = negotiate(c);
    const name = c.req.param("task") ?? "";
    const request = readPredictRequest(await readJson(c.req.raw, config));
    const version = pinnedVersion(request.version, c.req.query("version"));
    const failures = checkInputs(request.inputs, config);
    const isStream = format !== "application/json";
    // In a stream of many, a bad text is one line; everywhere else it fails the request.
    const [failed] = failures;
    if (failed && (request.isSingle || !isStream)) throw atInput(...failed, request.isSingle);

    const opened = await predictor.open(name, { version, hold: holdOf(c) });
    const abort = new AbortController();
    const signal = AbortSignal.any([c.req.raw.signal, abort.signal]);
    const timings: Timings = { tokenizeMs: 0, queueMs: 0, runMs: 0, decodeMs: 0 };
    const predictions = weave(request.inputs.length, failures, (indexes) => {
      const inputs = indexes.map((index) => request.inputs[index]!);
      return predictor.predict(opened, inputs, request.parameters, { signal, timings });
    });
    Object.assign(c.var.logged, { task: name, version: opened.task.version });
    Object.assign(c.var.logged, { inputs: request.inputs.length, format, timings });

    if (isStream) {
      // The first answer decides the status: an overload is a 503, not a line after a 200.
      const first = await predictions.next();
      if (request.isSingle && !first.done && "error" in first.value) {
        throw atInput(0, first.value.error, true);
      }
      const chunks = writeStream(resume(first, predictions), format, (error) =>
        describeFailure(deps, c, error),
      );
      let onEnd = (): void => undefined;
      c.set("streamEnd", new Promise((resolve) => (onEnd = resolve)));
      const onCancel = (): Promise<unknown> => {
        abort.abort();
        return predictions.return(undefined);
      };
      setHeaders(c, opened, timings, format);
      return c.body(streamOf(chunks, { wait, onCancel, onEnd }));
    }

    const results: unknown[] = [];
    for await (const prediction of predictions) {
      if ("error" in prediction)
        throw atInput(prediction.index, prediction.error, request.isSingle);
      results.push(prediction.result);
    }
    // Hugging Face's shapes: labels of one text come in a list of one, entities of one text do not.
    const isFlat = request.isSingle && opened.task.manifest.type === "token";
    setHeaders(c, opened, timings, format);
    return c.body(JSON.stringify(isFlat ? results[0] : results));
  };
}

/** `parameters.version` and `?version=` mean the same; throws InputError `version-conflict` when they differ. */
function pinnedVersion(inBody: string | undefined, inUrl: string | undefined): string | undefined {
  if (inBody !== undefined && inUrl !== undefined && inBody !== inUrl) {
    throw new InputError(
      "version-conflict",
      `version: parameters say "${inBody}" and the URL says ${JSON.stringify(inUrl.slice(0, 40))}; send one of them`,
    );
  }
  return inBody ?? inUrl;
}

/** The failure of one input as the failure of the whole request. */
const atInput = (index: number, failure: EdgePrefixError, isSingle: boolean): FailedInputError =>
  new FailedInputError(failure, isSingle ? "/inputs" : `/inputs/${index}`);

/** Predictions of the inputs that have not failed, with the failures in their places. */
async function* weave(
  count: number,
  failures: ReadonlyMap<number, EdgePrefixError>,
  run: (indexes: readonly number[]) => AsyncIterable<Prediction>,
): AsyncGenerator<Prediction> {
  const indexes = Array.from({ length: count }, (_, index) => index);
  const good = indexes.filter((index) => !failures.has(index));
  let next = 0;
  function* failuresBefore(end: number): Generator<Prediction> {
    for (; next < end; next++) yield { index: next, error: failures.get(next)! };
  }
  if (good.length > 0) {
    for await (const prediction of run(good)) {
      const index = good[prediction.index]!;
      yield* failuresBefore(index);
      yield { ...prediction, index };
      next = index + 1;
    }
  }
  yield* failuresBefore(count);
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

/**
 * Headers of an answer. server-timing is what the clock saw: in a deployed Worker it stands still
 * during computation, so only waiting shows; of a stream it covers what came before the first line.
 */
function setHeaders(
  c: AppContext,
  { base, task, isStale }: Opened,
  timings: Timings,
  format: string,
): void {
  const set = (name: string, value: string): void => c.header(name, value);
  set("content-type", format === "text/event-stream" ? `${format}; charset=utf-8` : format);
  set("cache-control", "no-store");
  set("x-task-version", task.version);
  set("x-model-identity", shortIdentity(base.manifest));
  if (isStale) set("x-task-stale", "true");
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
