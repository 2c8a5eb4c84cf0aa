/** POST /v1/similarity: how near sentences are to one, in Hugging Face's shape. */
import { InputError } from "../../core/errors.ts";
import { cosine } from "../../core/model/zero-shot.ts";
import { baseOf, vectorsOf } from "./base-vectors.ts";
import { readSimilarityRequest } from "../schemas/base-schema.ts";
import { readJson } from "../doors/body.ts";
import type { AppDeps, AppHandler } from "../context/context.ts";
import { checkCount } from "../doors/limits.ts";

/** Digits of a cosine that are worth showing. */
const DIGITS = 6;

export function compareSentences(deps: AppDeps): AppHandler {
  return async (c) => {
    const { source, sentences, truncate } = readSimilarityRequest(await readJson(c, deps));
    if (sentences.length === 0) {
      throw new InputError("inputs-empty", "sentences: is an empty list, expected at least one");
    }
    checkCount("inputs", 1 + sentences.length, "sentences", deps.config);
    const base = await baseOf(c, deps);
    const pathOf = (index: number): string =>
      index === 0 ? "/inputs/source_sentence" : `/inputs/sentences/${index - 1}`;
    const texts = [source, ...sentences];
    const { vectors } = await vectorsOf(c, deps, base, texts, pathOf, { truncate });
    const [first, ...others] = vectors;
    const cosines = others.map((vector) => Number(cosine(first!, vector).toFixed(DIGITS)));
    return c.body(JSON.stringify(cosines));
  };
}
