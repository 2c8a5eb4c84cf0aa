/**
 * From a text's windows to its logits: the rows to run, how many positions to ask for, and what the
 * hidden states mean under the task's pooling and head. Serving, evaluation and the recorded examples
 * share it, so what was measured is what is served.
 */
import type { Queries, Row } from "./rows.ts";
import { addText, linear, pool, tokenLogits } from "./head.ts";
import type { Pooler, Pooling } from "./head.ts";
import { familiarity } from "./prototypes.ts";
import type { TaskParts } from "./task.ts";
import type { InTurns } from "../turns.ts";
import { mergeSequence, mergeTokens } from "./windows.ts";
import type { Split, Window } from "./windows.ts";

/** A task that reads one position asks the last layer for one. */
export const queriesOf = (pooling: Pooling): Queries =>
  pooling === "cls" || pooling === "pooler" ? "first" : "all";

/** A window as a row of a batch, with its task's prefix and positions. */
export const rowOf = ({ encoding }: Window, { prefix, manifest }: TaskParts): Row => ({
  ids: encoding.ids,
  typeIds: encoding.typeIds,
  prefix,
  positionOffset: manifest.position_offset,
});

/**
 * What the head makes of a window's hidden states [q, H], and all that is kept of them: logits [C],
 * one row of a sequence task, one for each token of a token task. Where the task has a label for texts
 * that fit none, the row is [C+1] and ends with how familiar the window is.
 */
export function windowLogits(
  { manifest: { pooling }, head }: TaskParts,
  { encoding: { ids } }: Window,
  states: Float32Array,
  hiddenSize: number,
  pooler: Pooler | null,
): readonly Float32Array[] {
  if (pooling === "none") return tokenLogits(states, ids.length, hiddenSize, head);
  const pooled = pool(states, ids.length, hiddenSize, pooling, pooler);
  const logits = linear(pooled, head.weight, head.bias);
  if (!head.prototypes) return [logits];
  return [Float32Array.of(...logits, familiarity(pooled, head.prototypes))];
}

/**
 * Logits of a text from those of its windows. A sequence task has one row, [C] or [C+1]; a token
 * task has one row for each piece of the text.
 */
export function* answerLogits(
  { manifest: { pooling, labels }, head }: TaskParts,
  split: Split,
  windows: readonly (readonly Float32Array[])[],
): InTurns<readonly Float32Array[]> {
  if (pooling !== "none") return [mergeSequence(windows.map(([row]) => row!))];
  return yield* addText(mergeTokens(split, windows), split.text, split.pieces, labels, head);
}
