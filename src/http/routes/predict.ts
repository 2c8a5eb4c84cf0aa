/**
 * POST /v1/tasks/:task/predict: read and check the request, open the task, answer in the format
 * that was asked for. Whatever can be refused is refused before the model is touched.
 */
import { InputError } from "../../core/errors.ts";
import {
  atInput,
  collect,
  setAnswerHeaders,
  setStale,
  startWork,
  streamAnswer,
  toItems,
  weave,
} from "../answers/answering.ts";
import { readJson } from "../doors/body.ts";
import { canaryKeyOf, holdOf } from "../context/context.ts";
import type { AppDeps, AppHandler } from "../context/context.ts";
import { checkInputs, countInputs } from "../doors/limits.ts";
import { negotiate } from "../answers/respond.ts";
import { readPredictRequest } from "../schemas/schema.ts";
import type { PredictRequest } from "../schemas/schema.ts";
import type { Limits } from "../settings/config.ts";

export function predict(deps: AppDeps): AppHandler {
  const { config, predictor } = deps;
  return async (c) => {
    const format = negotiate(c);
    const name = c.req.param("task") ?? "";
    const body = await readJson(c, deps);
    const asked = readTaskRequest(body, config, c.req.query("version"));
    const { inputs, isSingle, parameters, version, failures } = asked;
    // In a stream of many, a bad text is one line; everywhere else it fails the request.
    const [failed] = failures;
    if (failed && (isSingle || format === "application/json")) throw atInput(...failed, isSingle);

    const from = { version, canaryKey: canaryKeyOf(c), hold: holdOf(c) };
    const opened = await predictor.open(name, from);
    const { base, task } = opened;
    const work = startWork(c, deps);
    const predictions = weave(inputs.length, failures, (indexes) => {
      const asks = indexes.map((index) => ({ task, input: inputs[index]!, parameters }));
      return predictor.predictMany(base, asks, work);
    });
    const { timings, usage } = work;
    Object.assign(c.var.logged, { task: name, version: task.version });
    Object.assign(c.var.logged, { inputs: inputs.length, format, timings, usage });
    const setHeaders = (): void => {
      setAnswerHeaders(c, base, work, format);
      c.header("x-task-version", task.version);
      setStale(c, opened);
    };

    if (format !== "application/json") {
      const items = toItems(predictions, (answer) => answer);
      return streamAnswer(c, deps, { format, items, work, isSingle, setHeaders });
    }
    const results = await collect(predictions, isSingle);
    setHeaders();
    return c.body(JSON.stringify(bodyOf(results, isSingle, task.manifest.type)));
  };
}

/** A request to one task, and what is wrong with single texts of it, by index. */
export interface TaskRequest extends PredictRequest {
  readonly failures: ReturnType<typeof checkInputs>;
}

/**
 * Reads and checks a parsed body; `versionInUrl` is that of `?version=`. Throws what readPredictRequest,
 * countInputs and checkInputs throw, and InputError `version-conflict`.
 */
export function readTaskRequest(
  body: unknown,
  limits: Pick<Limits, "maxInputs" | "maxCharacters">,
  versionInUrl: string | undefined,
): TaskRequest {
  countInputs(body, limits);
  const request = readPredictRequest(body);
  const version = pinnedVersion(request.version, versionInUrl);
  return { ...request, version, failures: checkInputs(request.inputs, limits) };
}

/** Hugging Face's shapes: labels of one text come in a list of one, entities of one text do not. */
export function bodyOf(
  results: readonly unknown[],
  isSingle: boolean,
  type: "sequence" | "token",
): unknown {
  return isSingle && type === "token" ? results[0] : results;
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
