/**
 * From a text's windows to its logits: the rows to run, how many positions to ask for, and what the
 * hidden states mean under the task's pooling and head. Serving, evaluation and the canary examples
 * share it, so what was measured is what is served.
 */
import type { Queries, Row } from "./collate.ts";
import { linear, pool, readWords, tokenLogits } from "./head.ts";
import type { Pooler } from "./head.ts";
import type { Pooling } from "./manifest.ts";
import type { Task } from "./task.ts";
import { mergeSequence, mergeTokens } from "./windows.ts";
import type { Split, Window } from "./windows.ts";

/** A task that reads one position asks the last layer for one. */
export const queriesOf = (pooling: Pooling): Queries =>
  pooling === "cls" || pooling === "pooler" ? "first" : "all";

/** A window as a row of a batch, with its task's prefix and positions. */
export const rowOf = ({ encoding }: Window, { prefix, manifest }: Task): Row => ({
  ids: encoding.ids,
  typeIds: encoding.typeIds,
  prefix,
  positionOffset: manifest.position_offset,
});

/**
 * Logits of a text from the hidden states [q, H] of each of its windows. A sequence task has one
 * row [C]; a token task has one row for each piece of the text.
 */
export function answerLogits(
  { manifest: { pooling, labels }, head }: Task,
  split: Split,
  hidden: readonly Float32Array[],
  hiddenSize: number,
  pooler: Pooler | null,
): readonly Float32Array[] {
  const length = (w: number): number => split.windows[w]!.encoding.ids.length;
  if (pooling === "none") {
    const logits = hidden.map((states, w) => tokenLogits(states, length(w), hiddenSize, head));
    return readWords(mergeTokens(split, logits), split.text, split.pieces, labels, head);
  }
  const logits = hidden.map((states, w) =>
    linear(pool(states, length(w), hiddenSize, pooling, pooler), head.weight, head.bias),
  );
  return [mergeSequence(logits)];
}
