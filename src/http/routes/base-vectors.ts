/** Vectors of texts by the base alone, for routes that make one JSON answer of them. */
import type { LoadedBase } from "../../engine/engine.ts";
import type { EmbedParameters } from "../../serve/predictor.ts";
import { setAnswerHeaders, startWork } from "../answers/answering.ts";
import type { Work } from "../answers/answering.ts";
import { holdOf } from "../context/context.ts";
import type { AppContext, AppDeps } from "../context/context.ts";
import { checkInputs } from "../doors/limits.ts";
import { FailedInputError } from "../answers/problem.ts";

export interface BaseVectors {
  /** [H] of each text, in their order. */
  readonly vectors: readonly Float32Array[];
  readonly usage: Work["usage"];
}

/**
 * The base's vectors of texts, and the headers of the answer that follows. `pathOf` gives the JSON
 * pointer of a text. Throws FailedInputError for the first text that cannot be read.
 */
export async function vectorsOf(
  c: AppContext,
  deps: AppDeps,
  base: LoadedBase,
  texts: readonly string[],
  pathOf: (index: number) => string,
  parameters: EmbedParameters = {},
): Promise<BaseVectors> {
  const { config, predictor } = deps;
  const inputs = texts.map((text) => ({ text }));
  for (const [index, failure] of checkInputs(inputs, config)) {
    throw new FailedInputError(failure, pathOf(index));
  }
  const work = startWork(c, deps);
  const { timings, usage } = work;
  Object.assign(c.var.logged, { inputs: texts.length, timings, usage });
  const vectors: Float32Array[] = [];
  for await (const outcome of predictor.embed(base, texts, parameters, work)) {
    if ("error" in outcome) throw new FailedInputError(outcome.error, pathOf(outcome.index));
    if ("result" in outcome) vectors.push(outcome.result);
  }
  setAnswerHeaders(c, base, work, "application/json");
  return { vectors, usage };
}

/** The base, loaded; errors as those of model-store.ts. */
export const baseOf = (c: AppContext, { models }: AppDeps): Promise<LoadedBase> =>
  models.get(holdOf(c));

/** Digits that tell any two float32 numbers apart (C's FLT_DECIMAL_DIG); more would only be longer. */
const FLOAT32_DIGITS = 9;

/** A vector as JSON numbers. */
export const toNumbers = (vector: Float32Array): number[] =>
  Array.from(vector, (value) => Number(value.toPrecision(FLOAT32_DIGITS)));
