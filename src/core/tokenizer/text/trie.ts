/**
 * A trie over UTF-16 units for longest-match lookup without making substrings.
 *
 * A node is an integer. Its edge is found by hashing (parent, unit) into one open-addressing table,
 * so a vocabulary of 30,000 words takes a few flat arrays of about 2 MB and no objects.
 */
export class Trie {
  static readonly ROOT = 0;

  #parents: Int32Array;
  #units: Uint16Array;
  /** Value of each node plus 1; 0 = no word ends here. */
  #values: Int32Array;
  #nodes = 1;
  /** Hash slots that hold a node, 0 = free (the root has no parent, so 0 is no slot's node). */
  #slots: Int32Array;

  /** With room for so many nodes; it grows when there are more. */
  constructor(nodes = 1024) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(nodes, 1024)));
    this.#parents = new Int32Array(capacity);
    this.#units = new Uint16Array(capacity);
    this.#values = new Int32Array(capacity);
    this.#slots = new Int32Array(4 * capacity);
  }

  /** Adds a word. The first value given for a word stays. */
  add(word: string, value: number): void {
    let node = Trie.ROOT;
    for (let i = 0; i < word.length; i++) {
      const unit = word.charCodeAt(i);
      const child = this.child(node, unit);
      node = child >= 0 ? child : this.#addChild(node, unit);
    }
    if (this.#values[node] === 0) this.#values[node] = value + 1;
  }

  /** The node one unit further, or -1. */
  child(node: number, unit: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash(node, unit) & mask;
    for (;;) {
      const child = this.#slots[slot]!;
      if (child === 0) return -1;
      if (this.#parents[child] === node && this.#units[child] === unit) return child;
      slot = (slot + 1) & mask;
    }
  }

  /** Value of the word that ends at this node, or -1. */
  value(node: number): number {
    return this.#values[node]! - 1;
  }

  /** The node at the end of `word`, or -1. */
  find(word: string): number {
    let node: number = Trie.ROOT;
    for (let i = 0; i < word.length && node >= 0; i++) node = this.child(node, word.charCodeAt(i));
    return node;
  }

  #addChild(parent: number, unit: number): number {
    if (this.#nodes === this.#parents.length) this.#growNodes();
    const node = this.#nodes++;
    this.#parents[node] = parent;
    this.#units[node] = unit;
    if (this.#nodes * 2 > this.#slots.length) this.#growSlots();
    else this.#insert(node);
    return node;
  }

  #insert(node: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash(this.#parents[node]!, this.#units[node]!) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = node;
  }

  #growNodes(): void {
    const grow = <A extends Int32Array | Uint16Array>(from: A, to: A): A => (to.set(from), to);
    const capacity = this.#parents.length * 2;
    this.#parents = grow(this.#parents, new Int32Array(capacity));
    this.#units = grow(this.#units, new Uint16Array(capacity));
    this.#values = grow(this.#values, new Int32Array(capacity));
  }

  #growSlots(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let node = 1; node < this.#nodes; node++) this.#insert(node);
  }
}

/** Spreads (node, unit) over 32 bits: multiply by odd constants, fold the high bits down. */
function hash(node: number, unit: number): number {
  const mixed = Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
