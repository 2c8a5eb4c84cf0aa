/**
 * Merges by their two symbols, in flat memory: 50,000 of them take 2 MB and no objects. A merge is
 * known by its rank, its place in the list.
 */
export class PairTable {
  /** Open addressing: ranks plus 1, 0 = free. */
  #slots = new Int32Array(1024);
  #rows = new Int32Array(512 * 3);
  #length = 0;

  /** Adds the next merge; one of the same pair takes the place of an earlier one. */
  add(left: number, right: number, result: number): void {
    const rank = this.#length++;
    if (this.#length * 3 > this.#rows.length) {
      const rows = new Int32Array(this.#rows.length * 2);
      rows.set(this.#rows);
      this.#rows = rows;
    }
    this.#rows.set([left, right, result], rank * 3);
    if (this.#length * 2 > this.#slots.length) this.#grow();
    else this.#slots[this.#slotOf(left, right)] = rank + 1;
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
    const mask = this.#slots.length - 1;
    let slot = hash(left, right) & mask;
    for (;;) {
      const found = this.#slots[slot]! - 1;
      if (found < 0) return slot;
      if (this.#rows[found * 3] === left && this.#rows[found * 3 + 1] === right) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let rank = 0; rank < this.#length; rank++) {
      const [left, right] = [this.#rows[rank * 3]!, this.#rows[rank * 3 + 1]!];
      this.#slots[this.#slotOf(left, right)] = rank + 1;
    }
  }
}

/** Mixes two numbers so that neighbouring ids do not fall into neighbouring slots. */
function hash(left: number, right: number): number {
  let mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  mixed ^= mixed >>> 15;
  return Math.imul(mixed, 0x2c1b3c6d) >>> 0;
}
