/**
 * A trie over UTF-16 units for longest-match lookup without making substrings, in flat memory.
 *
 * A node is an integer. New nodes of a word follow one another, so most nodes find their only child
 * right behind them. All other children are in one hash table by (parent, unit), at most one for each
 * word. 250,000 words of seven letters take about 7 MB, and no objects.
 */
import type { Units } from "./text-buffer.ts";

/** The next node is a child of this one. */
const HAS_NEXT = 1;
/** The hash table has children of this node. */
const HAS_BRANCHES = 2;
const VALUE_SHIFT = 2;

export class Trie {
  static readonly ROOT = 0;

  /** Of each node: the unit that leads to it. */
  #units = new Uint16Array(256);
  /** Of each node: the value of the word that ends there plus 1 (0: none does), and two flags. */
  #rows = new Int32Array(256);
  #nodes = 1;
  /** The hash table: of each slot a parent and its child; child 0 = free, since the root is no child. */
  #parents = new Int32Array(256);
  #children = new Int32Array(256);
  #branches = 0;

  /** Adds a word with a value below 2^28, or changes its value. Returns false when the word was there. */
  set(word: Units, value: number): boolean {
    let node = Trie.ROOT;
    for (let i = 0; i < word.length; i++) {
      const unit = word.charCodeAt(i);
      const child = this.child(node, unit);
      node = child >= 0 ? child : this.#addChild(node, unit);
    }
    const row = this.#rows[node]!;
    this.#rows[node] = ((value + 1) << VALUE_SHIFT) | (row & (HAS_NEXT | HAS_BRANCHES));
    return row >> VALUE_SHIFT === 0;
  }

  /** The node one unit further, or -1. */
  child(node: number, unit: number): number {
    const row = this.#rows[node]!;
    if (row & HAS_NEXT && this.#units[node + 1] === unit) return node + 1;
    return row & HAS_BRANCHES ? this.#branch(node, unit) : -1;
  }

  /** Value of the word that ends at this node, or -1. */
  value(node: number): number {
    return (this.#rows[node]! >> VALUE_SHIFT) - 1;
  }

  /** The node at the end of `word`, or -1. */
  find(word: Units): number {
    let node: number = Trie.ROOT;
    for (let i = 0; i < word.length && node >= 0; i++) node = this.child(node, word.charCodeAt(i));
    return node;
  }

  /** Gives back the room for further words, once there are no more. */
  trim(): void {
    this.#units = this.#units.slice(0, this.#nodes + 1);
    this.#rows = this.#rows.slice(0, this.#nodes + 1);
    this.#rehash(Math.ceil(this.#branches / FULL) + 1);
  }

  #branch(node: number, unit: number): number {
    const size = this.#children.length;
    let slot = slotOf(node, unit, size);
    for (;;) {
      const child = this.#children[slot]!;
      if (child === 0) return -1;
      if (this.#parents[slot] === node && this.#units[child] === unit) return child;
      if (++slot === size) slot = 0;
    }
  }

  #addChild(parent: number, unit: number): number {
    if (this.#nodes + 1 >= this.#units.length) this.#growNodes();
    const node = this.#nodes++;
    this.#units[node] = unit;
    if (node === parent + 1) {
      this.#rows[parent]! |= HAS_NEXT;
      return node;
    }
    if (++this.#branches > FULL * this.#children.length) this.#rehash(2 * this.#children.length);
    this.#rows[parent]! |= HAS_BRANCHES;
    this.#insert(parent, node);
    return node;
  }

  #insert(parent: number, child: number): void {
    const size = this.#children.length;
    let slot = slotOf(parent, this.#units[child]!, size);
    while (this.#children[slot] !== 0) if (++slot === size) slot = 0;
    this.#parents[slot] = parent;
    this.#children[slot] = child;
  }

  #growNodes(): void {
    const capacity = Math.ceil(1.5 * this.#units.length);
    const units = new Uint16Array(capacity);
    units.set(this.#units);
    this.#units = units;
    const rows = new Int32Array(capacity);
    rows.set(this.#rows);
    this.#rows = rows;
  }

  #rehash(size: number): void {
    const [parents, children] = [this.#parents, this.#children];
    this.#parents = new Int32Array(size);
    this.#children = new Int32Array(size);
    for (let slot = 0; slot < children.length; slot++) {
      if (children[slot] !== 0) this.#insert(parents[slot]!, children[slot]!);
    }
  }
}

/** How full the hash table may be. */
const FULL = 0.7;

/** A slot below `size` for (node, unit): spread over 32 bits, then scaled. */
function slotOf(node: number, unit: number, size: number): number {
  let mixed = Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return Math.floor((mixed >>> 0) * (size / 2 ** 32));
}
