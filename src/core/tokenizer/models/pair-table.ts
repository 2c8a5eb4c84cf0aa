/**
 * Merges by their two symbols, in flat memory: 50,000 of them take 900 kB and no objects. A merge is
 * known by its rank, its place in the list.
 */
export class PairTable {
  /** Open addressing: ranks plus 1, 0 = free. */
  readonly #slots: Int32Array;
  /** Of each merge: left and right symbol, and what they become. */
  readonly #rows: Int32Array;
  #length = 0;

  /** With room for so many merges. */
  constructor(count: number) {
    this.#slots = new Int32Array(Math.ceil(1.5 * count) + 1);
    this.#rows = new Int32Array(3 * count);
  }

  /** Adds the next merge; one of the same pair takes the place of an earlier one. */
  add(left: number, right: number, result: number): void {
    const rank = this.#length++;
    this.#rows[rank * 3] = left;
    this.#rows[rank * 3 + 1] = right;
    this.#rows[rank * 3 + 2] = result;
    this.#slots[this.#slotOf(left, right)] = rank + 1;
  }

  /** Rank of the merge of a pair, or -1. */
  rank(left: number, right: number): number {
    return this.#slots[this.#slotOf(left, right)]! - 1;
  }

  /** What a merge makes of its pair. */
  result(rank: number): number {
    return this.#rows[rank * 3 + 2]!;
  }

  /** The pair's slot, or the free one where it would be. */
  #slotOf(left: number, right: number): number {
    const size = this.#slots.length;
    let slot = Math.floor(hash(left, right) * (size / 2 ** 32));
    for (;;) {
      const found = this.#slots[slot]! - 1;
      if (found < 0) return slot;
      if (this.#rows[found * 3] === left && this.#rows[found * 3 + 1] === right) return slot;
      if (++slot === size) slot = 0;
    }
  }
}

/** Mixes two numbers so that neighbouring ids do not fall into neighbouring slots; below 2^32. */
function hash(left: number, right: number): number {
  let mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  mixed ^= mixed >>> 15;
  return Math.imul(mixed, 0x2c1b3c6d) >>> 0;
}
