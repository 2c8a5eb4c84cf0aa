/** Keys and values of a batch's prefixes in the memory of a run, one layer at a time. */
import type { Prefix } from "../../core/model/prefix.ts";
import type { Heap } from "./heap.ts";
import type { Model } from "./model.ts";
import { isPadded, lengthOf, piecesOf, repeated } from "./padding.ts";
import type { Axis } from "./padding.ts";

export class Past {
  readonly #heap: Heap;
  readonly #model: Model;
  /** Where the keys of each prefix are; its values follow. */
  readonly #places = new Map<Prefix, number>();

  /** `at` is the frame's `past`. */
  constructor(heap: Heap, model: Model, prefixes: readonly Prefix[], at: number) {
    this.#heap = heap;
    this.#model = model;
    let next = at;
    for (const prefix of prefixes) {
      this.#places.set(prefix, next);
      const numbers = 2 * lengthOf(this.#axis(prefix));
      if (isPadded(model.head)) heap.floats(next, numbers).fill(0);
      next += 4 * numbers;
    }
  }

  write(layer: number): void {
    for (const [prefix, at] of this.#places) {
      const { key, value } = prefix.layers[layer]!;
      const axis = this.#axis(prefix);
      const width = lengthOf(axis);
      const floats = this.#heap.floats(at, 2 * width);
      for (const { from, to, count } of piecesOf(axis)) {
        floats.set(key.subarray(from, from + count), to);
        floats.set(value.subarray(from, from + count), width + to);
      }
    }
  }

  /** Addresses of a prefix's keys and of its values, any for one without virtual tokens. */
  of(prefix: Prefix): { readonly keys: number; readonly values: number } {
    const keys = this.#places.get(prefix) ?? 0;
    return { keys, values: keys + 4 * lengthOf(this.#axis(prefix)) };
  }

  /** A prefix's keys in one layer: [kvHeads, P, D]. */
  #axis({ numVirtualTokens }: Prefix): Axis {
    const { head, kvHeads } = this.#model;
    return repeated(head, kvHeads * numVirtualTokens);
  }
}
