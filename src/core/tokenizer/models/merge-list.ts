/**
 * `"merges"` of a tokenizer.json as units in one array: which tokens they name is looked up when the
 * vocabulary is known, since the file may have the two in any order.
 */
import { FormatError } from "../../errors.ts";
import { INVALID, SUBJECT } from "../json/fields.ts";
import { CLOSE_LIST, COMMA, OPEN_LIST, QUOTE, type JsonBytes } from "../json/json-bytes.ts";
import { TextBuffer } from "../text/text-buffer.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { PairTable } from "./pair-table.ts";
import { Trie } from "../text/trie.ts";

/** Longest list of merges; real ones have a third of it. */
const MAX_MERGES = 1_000_000;
const BLANK = 0x20;

export class MergeList {
  length = 0;
  /** Of each merge: the lengths of its two texts, then their units. */
  #units = new Uint16Array(1024);
  #end = 0;
  readonly #text = new TextBuffer();

  /** Reads the next merge: a pair of texts, or one text with a space between, as older files have it. */
  read(json: JsonBytes): void {
    if (this.length === MAX_MERGES) throw invalid(`"merges" has more than ${MAX_MERGES} items`);
    const where = `"merges"[${this.length}]`;
    const text = this.#text;
    const take = (): void => {
      if (!json.isNext(QUOTE)) throw invalid(`${where}: is ${json.describe()}, expected a pair of texts`);
      const wrong = json.text(text);
      if (wrong !== null) throw invalid(`${where} ${wrong}`);
    };
    const start = this.#end;
    this.#end += 2;
    if (json.isNext(OPEN_LIST)) {
      json.take(OPEN_LIST);
      take();
      this.#add(text, 0, text.length);
      const left = text.length;
      if (!json.isNext(COMMA)) throw invalid(`${where}: is one text, expected a pair of texts`);
      json.take(COMMA);
      take();
      this.#add(text, 0, text.length);
      if (!json.isNext(CLOSE_LIST)) throw invalid(`${where}: is more than two texts, expected a pair of texts`);
      json.take(CLOSE_LIST);
      this.#setLengths(start, left, text.length);
    } else {
      take();
      let blank = 0;
      while (blank < text.length && text.charCodeAt(blank) !== BLANK) blank++;
      let other = blank + 1;
      while (other < text.length && text.charCodeAt(other) !== BLANK) other++;
      if (blank === text.length || other < text.length) {
        throw invalid(`${where}: is ${JSON.stringify(text.toString())}, expected a pair of texts`);
      }
      this.#add(text, 0, blank);
      this.#add(text, blank + 1, text.length);
      this.#setLengths(start, blank, text.length - blank - 1);
    }
    this.length++;
  }

  /** The merges by the ids of their tokens. Throws `tokenizer-invalid` for a token that is not there. */
  resolve({ trie }: Vocabulary): PairTable {
    const merges = new PairTable(this.length);
    const units = this.#units;
    /** The node at the end of units[from, to), from `node` on. */
    const walk = (node: number, from: number, to: number): number => {
      for (let i = from; i < to && node >= 0; i++) node = trie.child(node, units[i]!);
      return node;
    };
    const idAt = (node: number): number => (node < 0 ? -1 : trie.value(node));
    for (let index = 0, at = 0; index < this.length; index++) {
      const from = at + 2;
      const middle = from + units[at]!;
      const to = middle + units[at + 1]!;
      const first = walk(Trie.ROOT, from, middle);
      const left = idAt(first);
      const right = idAt(walk(Trie.ROOT, middle, to));
      const result = idAt(walk(first, middle, to));
      if (left < 0 || right < 0 || result < 0) {
        const [start, end] = left < 0 ? [from, middle] : right < 0 ? [middle, to] : [from, to];
        const token = JSON.stringify(String.fromCharCode(...units.subarray(start, end)));
        throw invalid(`"merges"[${index}]: ${token} is not in the vocabulary`);
      }
      merges.add(left, right, result);
      at = to;
    }
    return merges;
  }

  #setLengths(at: number, left: number, right: number): void {
    this.#units[at] = left;
    this.#units[at + 1] = right;
  }

  #add(text: TextBuffer, from: number, to: number): void {
    const end = this.#end + to - from;
    if (end + 2 > this.#units.length) {
      const units = new Uint16Array(Math.max(end + 2, Math.ceil(1.5 * this.#units.length)));
      units.set(this.#units);
      this.#units = units;
    }
    for (let i = from; i < to; i++) this.#units[this.#end++] = text.charCodeAt(i);
  }
}

const invalid = (what: string): FormatError =>
  new FormatError(INVALID, `${SUBJECT}: "model": ${what}`);
