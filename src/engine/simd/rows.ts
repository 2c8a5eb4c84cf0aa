/** What a run reads of its texts: ids, positions, types, and the vectors of each row's task. */
import type { Deltas } from "../../core/model/prefix.ts";
import type { Batch } from "./batch.ts";
import type { Frame } from "./frame.ts";
import type { Heap } from "./heap.ts";
import type { Kernels } from "./kernels/kernels.ts";
import type { Model } from "./model.ts";

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
  { vectors, numDeltas, numZeros }: Model,
  { deltas }: Batch,
  { changed }: Frame,
): ReadonlyMap<Deltas, number> {
  const places = new Map<Deltas, number>();
  for (const [i, each] of deltas.entries()) {
    const at = changed + 4 * i * (numDeltas + numZeros);
    heap.floats(at, numDeltas).set(each.biasDeltas);
    add(numDeltas, vectors, at, at);
    heap.floats(at + 4 * numDeltas, numZeros).fill(0);
    places.set(each, at);
  }
  return places;
}
