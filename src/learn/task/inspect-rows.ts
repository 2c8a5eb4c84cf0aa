/**
 * The training rows that a person should look at (learn/measure/doubtful-rows.ts), with their places in
 * the data files. Their features are those of the base as it is: an encoder that was trained on a wrong
 * label finds nothing wrong with it.
 */
import { maxLengthOf } from "../../core/format/configuration.ts";
import { emptyPrefix } from "../../core/model/prefix.ts";
import { splitWindows } from "../../core/model/windows.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import type { Example } from "../data/read.ts";
import type { FeatureRows } from "../head/fit-head.ts";
import { MAX_COMPARED_ROWS, doubtfulRows } from "../measure/doubtful-rows.ts";
import { scoresByRow } from "../measure/cross-validation.ts";
import { EVALUATION_BATCH } from "../measure/evaluate.ts";
import { pooledStates } from "../measure/pooled-states.ts";
import type { DoubtfulFact } from "../measure/doubtful-rows.ts";
import type { FinishedTask } from "./finish.ts";
import type { PreparedTask } from "./prepare.ts";
import type { StopSignal } from "../../core/signal.ts";

/** Tokens that are read of a text: its subject stands at the beginning. */
const MAX_TOKENS = 128;

export interface InspectOptions {
  readonly signal: StopSignal;
  /** The finished task, whose answers to rows that were held out count as evidence. */
  readonly finished?: Pick<FinishedTask, "packed" | "examples" | "logits" | "crossValidation">;
}

/** Rows to look at, the most doubtful first. `base` answers natively. */
export async function inspectRows(
  base: LoadedBase,
  prepared: Pick<PreparedTask, "train" | "type" | "problemType" | "labels" | "places">,
  { signal, finished }: InspectOptions,
): Promise<DoubtfulFact[]> {
  const { train, type, problemType, labels, places } = prepared;
  const isCompared = type === "sequence" && train.length <= MAX_COMPARED_ROWS;
  const hasAnswers = type === "sequence" && finished?.crossValidation;
  const found = doubtfulRows(train, {
    type,
    problemType,
    labels,
    features: isCompared ? await baseFeatures(base, train, signal) : null,
    ...(hasAnswers && { answers: scoresByRow(finished.packed.task.manifest, train, finished) }),
  });
  const placeOf = (row: number): string => places.get(train[row]!) ?? `row ${row + 1}`;
  // A row that gives a share for each label says itself that it is not sure.
  const sure = found.filter(({ row }) => train[row]!.shares === undefined);
  return sure.map((row) => ({
    ...row,
    place: placeOf(row.row),
    ...(row.why.kind === "text" && { otherPlace: placeOf(row.why.other) }),
  }));
}

/** What the base makes of texts without any task, [N, H]. */
function baseFeatures(
  base: LoadedBase,
  examples: readonly Example[],
  signal: StopSignal,
): Promise<FeatureRows> {
  const { configuration, pooling } = base.manifest;
  const maxLength = Math.min(MAX_TOKENS, maxLengthOf(configuration));
  const options = { maxLength, stride: 0, truncation: true };
  return pooledStates(
    base,
    emptyPrefix(configuration),
    examples.map(
      ({ text, pair }) => splitWindows(base.tokenizer, text, pair, options).windows[0]!.encoding,
    ),
    // A pooler was trained for the checkpoint's own head, not to compare texts.
    { pooling: pooling === "cls" ? "cls" : "mean", batchSize: EVALUATION_BATCH, signal },
  );
}
