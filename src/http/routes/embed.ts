/** POST /v1/embed: the base's own sentence embeddings, since the base is there anyway. */
import {
  atInput,
  collect,
  setAnswerHeaders,
  startWork,
  streamAnswer,
  toItems,
  weave,
} from "../answers/answering.ts";
import { toNumbers } from "./base-vectors.ts";
import { readJson } from "../doors/body.ts";
import { holdOf } from "../context/context.ts";
import type { AppDeps, AppHandler } from "../context/context.ts";
import { checkInputs, countInputs } from "../doors/limits.ts";
import { negotiate } from "../answers/respond.ts";
import { readEmbedRequest } from "../schemas/schema.ts";

export function embed(deps: AppDeps): AppHandler {
  const { config, models, predictor } = deps;
  return async (c) => {
    const format = negotiate(c);
    const body = await readJson(c, deps);
    countInputs(body, config);
    const { inputs, isSingle, parameters } = readEmbedRequest(body);
    const failures = checkInputs(
      inputs.map((text) => ({ text })),
      config,
    );
    const [failed] = failures;
    if (failed && (isSingle || format === "application/json")) throw atInput(...failed, isSingle);

    const base = await models.get(holdOf(c));
    const work = startWork(c, deps);
    const vectors = weave(inputs.length, failures, (indexes) =>
      predictor.embed(
        base,
        indexes.map((index) => inputs[index]!),
        parameters,
        work,
      ),
    );
    const { timings, usage } = work;
    Object.assign(c.var.logged, { inputs: inputs.length, format, timings, usage });
    const setHeaders = (): void => setAnswerHeaders(c, base, work, format);

    if (format !== "application/json") {
      const items = toItems(vectors, toNumbers);
      return streamAnswer(c, deps, { format, items, work, isSingle, setHeaders });
    }
    const results = await collect(vectors, isSingle);
    setHeaders();
    return c.body(JSON.stringify(results.map(toNumbers)));
  };
}
