/** A heap of merges to make: the lowest rank first, of equal ranks the leftmost place. */
export class RankHeap {
  length = 0;
  /** A rank and a place are one number, which sorts as the two do. */
  #keys = new Float64Array(64);

  push(rank: number, at: number): void {
    if (this.length === this.#keys.length) {
      const keys = new Float64Array(this.#keys.length * 2);
      keys.set(this.#keys);
      this.#keys = keys;
    }
    const key = rank * PLACES + at;
    let i = this.length++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (this.#keys[parent]! <= key) break;
      this.#keys[i] = this.#keys[parent]!;
      i = parent;
    }
    this.#keys[i] = key;
  }

  /** Takes the first; there must be one. */
  pop(): { readonly rank: number; readonly at: number } {
    const first = this.#keys[0]!;
    const key = this.#keys[--this.length]!;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.length) break;
      if (child + 1 < this.length && this.#keys[child + 1]! < this.#keys[child]!) child++;
      if (this.#keys[child]! >= key) break;
      this.#keys[i] = this.#keys[child]!;
      i = child;
    }
    this.#keys[i] = key;
    const rank = Math.floor(first / PLACES);
    return { rank, at: first - rank * PLACES };
  }
}

/** More than a text has bytes; ranks stay below 2^21, so keys below 2^53. */
const PLACES = 2 ** 32;
