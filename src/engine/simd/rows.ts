/** What a run reads of its texts (ids, positions, types, the vectors of each row's task) and what it answers. */
import type { Deltas } from "../../core/model/prefix.ts";
import type { States } from "../../core/model/rows.ts";
import type { Batch } from "./batch.ts";
import type { Frame } from "./frame.ts";
import type { Heap } from "./heap.ts";
import type { Kernels } from "./kernels/kernels.ts";
import type { Model } from "./model.ts";
import { axisOf, piecesOf } from "./padding.ts";

/** Fills the arrays that all positions have one number of. */
export function writeRows(
  heap: Heap,
  model: Model,
  batch: Batch,
  frame: Frame,
  changed: ReadonlyMap<Deltas, number>,
): void {
  const { tokens } = batch;
  const ids = heap.words(frame.ids, tokens);
  const types = heap.words(frame.types, tokens);
  const positions = heap.words(frame.all.positions, tokens);
  const vectors = heap.words(frame.all.vectors, tokens);
  heap.words(frame.baseVectors, tokens).fill(model.vectors);
  for (const { row, start, length } of batch.texts) {
    ids.set(row.ids, start);
    types.set(row.typeIds, start);
    const first = model.firstPosition + row.positionOffset;
    for (let t = 0; t < length; t++) positions[start + t] = first + t;
    const { deltas } = row.prefix;
    vectors.fill(deltas ? changed.get(deltas)! : model.vectors, start, start + length);
  }
}

/** Adds each task's deltas to the base's vectors; returns the address of the sums. */
export function writeChangedVectors(
  { add }: Pick<Kernels, "add">,
  heap: Heap,
  { vectors, vectorsWidth, deltas: pieces, numZeros }: Model,
  { deltas }: Batch,
  { changed }: Frame,
): ReadonlyMap<Deltas, number> {
  const places = new Map<Deltas, number>();
  for (const [i, each] of deltas.entries()) {
    const width = vectorsWidth + numZeros;
    const at = changed + 4 * i * width;
    const floats = heap.floats(at, width).fill(0);
    for (const { from, to, count } of pieces) {
      floats.set(each.biasDeltas.subarray(from, from + count), to);
    }
    add(vectorsWidth, vectors, at, at);
    places.set(each, at);
  }
  return places;
}

/** The states of every text, copied from the answers [queries, H]. */
export function readStates(
  heap: Heap,
  { hidden, widths }: Pick<Model, "hidden" | "widths">,
  { texts, queries, queryLength }: Batch,
  at: number,
): States {
  const values = new Float32Array(texts.length * queryLength * hidden);
  const answers = heap.floats(at, queries * widths.hidden);
  for (const [b, { queryStart, queries: own }] of texts.entries()) {
    for (const { from, to, count } of piecesOf(axisOf(hidden, own))) {
      const place = queryStart * widths.hidden + to;
      values.set(answers.subarray(place, place + count), b * queryLength * hidden + from);
    }
  }
  return { dims: [texts.length, queryLength, hidden], values };
}
