/**
 * POST /v1/zero-shot: labels that the request names, judged by the base's own vectors. Hugging Face's
 * models do this by entailment; here the text is compared with a sentence that each label becomes. The
 * vectors of those sentences are kept, since the same labels are asked for again and again.
 */
import { InputError } from "../../core/errors.ts";
import { ANYTHING, scoreLabels, scoreLabelsApart, sentenceOf } from "../../core/model/zero-shot.ts";
import { createLru } from "../../serve/lru.ts";
import { baseOf, vectorsOf } from "./base-vectors.ts";
import { readZeroShotRequest } from "../schemas/base-schema.ts";
import { readJson } from "../doors/body.ts";
import type { AppDeps, AppHandler } from "../context/context.ts";
import { checkCount, countInputs } from "../doors/limits.ts";

/** Sentences of labels in memory: two thousand of a base with 384 numbers a vector. */
const MAX_CACHED_BYTES = 4_000_000;

export function classifyZeroShot(deps: AppDeps): AppHandler {
  /** Vectors by the base's identity and the sentence. */
  const cache = createLru<Float32Array>(MAX_CACHED_BYTES);

  return async (c) => {
    const body = await readJson(c, deps);
    countInputs(body, deps.config);
    const request = readZeroShotRequest(body);
    const { texts, isSingle, labels, isMultiLabel, template } = request;
    if (labels.length === 0) {
      throw new InputError("labels-empty", "candidate_labels: is an empty list, expected labels");
    }
    checkCount("body", texts.length + labels.length, "inputs and labels together", deps.config);
    const base = await baseOf(c, deps);
    const keyOf = (sentence: string): string => `${base.manifest.identity} ${sentence}`;
    // The neutral sentence comes last, so that the places of the others are those of the labels.
    const sentences = [...labels, ...(isMultiLabel ? [ANYTHING] : [])].map((label) =>
      sentenceOf(label, template),
    );
    // Vectors that are used now stay here, whatever the cache lets go of meanwhile.
    const known = new Map<string, Float32Array>();
    const missing = new Map<string, number>();
    for (const [place, sentence] of sentences.entries()) {
      const vector = cache.get(keyOf(sentence));
      if (vector) known.set(sentence, vector);
      else if (!missing.has(sentence)) missing.set(sentence, place);
    }
    const places = [...missing.values()];
    const pathOf = (index: number): string => {
      if (index >= texts.length) return labelPath(places[index - texts.length]!);
      return isSingle ? "/inputs" : `/inputs/${index}`;
    };
    const asked = [...texts, ...missing.keys()];
    const { vectors } = await vectorsOf(c, deps, base, asked, pathOf);
    for (const [i, sentence] of [...missing.keys()].entries()) {
      const vector = vectors[texts.length + i]!;
      known.set(sentence, vector);
      cache.set(keyOf(sentence), vector, vector.byteLength + 2 * keyOf(sentence).length);
    }
    const ofLabels = sentences.slice(0, labels.length).map((sentence) => known.get(sentence)!);
    const neutral = isMultiLabel ? known.get(sentences.at(-1)!)! : null;
    c.var.logged["labels"] = labels.length;
    const answers = texts.map((_, i) => {
      const vector = vectors[i]!;
      const scores =
        neutral === null
          ? scoreLabels(vector, ofLabels)
          : scoreLabelsApart(vector, ofLabels, neutral);
      return labels
        .map((label, place) => ({ label, score: scores[place]! }))
        .sort((a, b) => b.score - a.score);
    });
    return c.body(JSON.stringify(isSingle ? answers[0] : answers));
  };
}

const labelPath = (place: number): string => `/parameters/candidate_labels/${place}`;
