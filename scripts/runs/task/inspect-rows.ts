/**
 * The training rows that a person should look at (learn/measure/doubtful-rows.ts), with their places in
 * the data files. Their features are those of the base as it is: an encoder that was trained on a wrong
 * label finds nothing wrong with it.
 */
import { maxLengthOf } from "../../../src/core/format/configuration.ts";
import type { LoadedBase } from "../../../src/engine/engine.ts";
import { MAX_COMPARED_ROWS, doubtfulRows } from "../../../src/learn/measure/doubtful-rows.ts";
import type { DoubtOptions } from "../../../src/learn/measure/doubtful-rows.ts";
import { EVALUATION_BATCH } from "../../../src/learn/measure/evaluate.ts";
import { textFeatures } from "../../../src/learn/measure/text-features.ts";
import type { DoubtfulFact } from "../../report/facts.ts";
import type { PreparedTask } from "./prepare.ts";

/** The subject of a text stands at its beginning. */
const MAX_TOKENS = 128;

/** Rows to look at, the most doubtful first. `base` answers natively. */
export async function inspectRows(
  base: LoadedBase,
  {
    train,
    type,
    problemType,
    labels,
    places,
  }: Pick<PreparedTask, "train" | "type" | "problemType" | "labels" | "places">,
  { signal, answers }: { readonly signal: AbortSignal } & Pick<DoubtOptions, "answers">,
): Promise<DoubtfulFact[]> {
  const isCompared = type === "sequence" && train.length <= MAX_COMPARED_ROWS;
  const texts = train.map(({ text, pair }) =>
    pair === undefined ? { text } : { text, text_pair: pair },
  );
  const maxLength = Math.min(MAX_TOKENS, maxLengthOf(base.manifest.configuration));
  const features = isCompared
    ? await textFeatures(base, texts, { maxLength, batchSize: EVALUATION_BATCH, signal })
    : null;
  const placeOf = (row: number): string => places.get(train[row]!) ?? `row ${row + 1}`;
  return doubtfulRows(train, {
    type,
    problemType,
    labels,
    features,
    ...(answers && { answers }),
  }).map((found) => ({
    ...found,
    place: placeOf(found.row),
    ...(found.why.kind === "text" && { otherPlace: placeOf(found.why.other) }),
  }));
}
