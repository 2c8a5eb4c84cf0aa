/**
 * Byte-level BPE (arXiv 1508.07909, over bytes as in GPT-2): a word is its bytes, and neighbours are
 * merged as long as the list of merges has them, the earliest merge of the list first, of equal ones
 * the leftmost.
 */
import { FormatError } from "../../errors.ts";
import { describe, type RecordReader } from "../../record.ts";
import { SUBJECT, readFlag } from "../json/fields.ts";
import { BYTE_CHARACTERS } from "../text/byte-alphabet.ts";
import { codePointAt, widthOf } from "../text/text-buffer.ts";
import { Trie } from "../text/trie.ts";
import { forEachByte } from "../text/utf8.ts";
import type { MergeList } from "./merge-list.ts";
import type { Model } from "./model.ts";
import type { PairTable } from "./pair-table.ts";
import { RankHeap } from "./rank-heap.ts";
import type { Vocabulary } from "./vocabulary.ts";

interface ByteLevelOptions {
  /** A word that is here as a whole is one token, whatever the merges say; null: merges decide alone. */
  readonly words: Trie | null;
  readonly merges: PairTable;
  /** Id of each byte, -1 for one that the vocabulary lacks: it is left out, as in Python. */
  readonly byteIds: Int32Array;
}

/** Makes the model. Time is that of n log n for a word of n bytes. */
function bytePairs({ words, merges, byteIds }: ByteLevelOptions): Model {
  const symbols = new Symbols();
  const heap = new RankHeap();

  /** Remembers the merge of a symbol and the one behind it, if there is one. */
  const offer = (at: number): void => {
    const right = symbols.next(at);
    if (right < 0) return;
    const rank = merges.rank(symbols.id(at), symbols.id(right));
    if (rank >= 0) heap.push(rank, at);
  };

  return (text, start, end, token) => {
    symbols.reset();
    let node: number = words ? Trie.ROOT : -1;
    for (let i = start; i < end;) {
      const code = codePointAt(text, i);
      const to = i + widthOf(code);
      forEachByte(code, (byte) => {
        if (node >= 0) node = words!.child(node, BYTE_CHARACTERS[byte]!.charCodeAt(0));
        const id = byteIds[byte]!;
        if (id >= 0) symbols.add(id, i, to);
      });
      i = to;
    }
    const whole = node >= 0 ? words!.value(node) : -1;
    if (whole >= 0) {
      token(whole, start, end);
      return;
    }
    for (let at = 0; at < symbols.length; at++) offer(at);
    while (heap.length > 0) {
      const { rank, at } = heap.pop();
      const right = symbols.isThere(at) ? symbols.next(at) : -1;
      if (right < 0) continue;
      // Both may have changed since the merge was remembered.
      const now = merges.rank(symbols.id(at), symbols.id(right));
      if (now < 0 || merges.result(now) !== merges.result(rank)) continue;
      symbols.merge(at, right, merges.result(rank));
      const left = symbols.previous(at);
      if (left >= 0) offer(left);
      offer(at);
    }
    for (let at = 0; at >= 0 && at < symbols.length; at = symbols.next(at)) {
      token(symbols.id(at), symbols.start(at), symbols.end(at));
    }
  };
}

/** The symbols of a word, linked, with the units of text that each stands for. */
class Symbols {
  length = 0;
  #rows = new Int32Array(64 * FIELDS);

  reset(): void {
    this.length = 0;
    if (this.#rows.length > MAX_KEPT_SYMBOLS * FIELDS) this.#rows = new Int32Array(64 * FIELDS);
  }

  add(id: number, start: number, end: number): void {
    if ((this.length + 1) * FIELDS > this.#rows.length) {
      const rows = new Int32Array(this.#rows.length * 2);
      rows.set(this.#rows);
      this.#rows = rows;
    }
    const at = this.length++;
    if (at > 0) this.#rows[(at - 1) * FIELDS + NEXT] = at;
    const rows = this.#rows;
    const row = at * FIELDS;
    rows[row] = id;
    rows[row + START] = start;
    rows[row + END] = end;
    rows[row + PREVIOUS] = at - 1;
    rows[row + NEXT] = -1;
  }

  /** False for one that was merged into its neighbour. */
  isThere = (at: number): boolean => this.id(at) >= 0;
  id = (at: number): number => this.#rows[at * FIELDS]!;
  start = (at: number): number => this.#rows[at * FIELDS + START]!;
  end = (at: number): number => this.#rows[at * FIELDS + END]!;
  previous = (at: number): number => this.#rows[at * FIELDS + PREVIOUS]!;
  next = (at: number): number => this.#rows[at * FIELDS + NEXT]!;

  /** Makes one of two neighbours; it stays at the left one's place. */
  merge(left: number, right: number, id: number): void {
    const rows = this.#rows;
    const after = this.next(right);
    rows[left * FIELDS] = id;
    rows[left * FIELDS + END] = this.end(right);
    rows[left * FIELDS + NEXT] = after;
    if (after >= 0) rows[after * FIELDS + PREVIOUS] = left;
    rows[right * FIELDS] = -1;
  }
}

const FIELDS = 5;
const [START, END, PREVIOUS, NEXT] = [1, 2, 3, 4] as const;
const MAX_KEPT_SYMBOLS = 1 << 14;

/** `{ "type": "BPE", .. }` of a tokenizer.json whose words are bytes. */
export function readBytePairs(
  fields: RecordReader,
  vocabulary: Vocabulary,
  merges: MergeList | null,
): Model {
  refuse(fields, "dropout", [null, 0]);
  refuse(fields, "continuing_subword_prefix", [null, ""]);
  refuse(fields, "end_of_word_suffix", [null, ""]);
  refuse(fields, "byte_fallback", [undefined, false]);
  if (!merges) {
    return fields.fail(`"merges" is ${describe(fields.raw("merges"))}, expected an array`);
  }
  const ignoresMerges = fields.has("ignore_merges") && readFlag(fields, "ignore_merges");
  return bytePairs({
    words: ignoresMerges ? vocabulary.trie : null,
    merges: merges.resolve(vocabulary),
    byteIds: Int32Array.from(BYTE_CHARACTERS, (character) => vocabulary.get(character) ?? -1),
  });
}

/** A setting that changes tokens and is not built here. */
function refuse(fields: RecordReader, field: string, allowed: readonly unknown[]): void {
  const found = fields.raw(field);
  if (found === undefined || allowed.includes(found)) return;
  throw new FormatError(
    "tokenizer-unsupported",
    `${SUBJECT}: its model has "${field}" ${describe(found)}, supported is a byte-level BPE without it`,
  );
}

