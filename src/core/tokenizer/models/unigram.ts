/**
 * Unigram (arXiv 1804.10959): of all ways to cut a word into tokens of the vocabulary, the one with
 * the highest sum of scores (Viterbi). What no token covers is unknown; unknown neighbours are one.
 */
import type { RecordReader } from "../../record.ts";
import { readFlag } from "../json/fields.ts";
import { codePointAt, widthOf } from "../text/text-buffer.ts";
import { Trie } from "../text/trie.ts";
import type { Model } from "./model.ts";
import type { Vocabulary } from "./vocabulary.ts";

interface UnigramOptions {
  readonly vocabulary: Vocabulary;
  readonly scores: Float64Array;
  readonly unknownId: number;
}

/** An unknown character costs so much more than the least likely token. */
const UNKNOWN_PENALTY = 10;

function unigram({ vocabulary, scores, unknownId }: UnigramOptions): Model {
  const { trie } = vocabulary;
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;
  /** Of the best way to every unit of a word: its score, where its last token begins, and which that is. */
  let best = new Float64Array(256);
  let begins = new Int32Array(256);
  let ids = new Int32Array(256);
  const found: number[] = []; // ends and ids, last token first

  return (text, start, end, token) => {
    const length = end - start;
    if (length >= best.length) {
      const size = 2 * length;
      [best, begins, ids] = [new Float64Array(size), new Int32Array(size), new Int32Array(size)];
    }
    begins.fill(-1, 0, length + 1);
    best[0] = 0;
    const offer = (to: number, from: number, id: number, score: number): void => {
      if (begins[to] !== -1 && score <= best[to]!) return;
      best[to] = score;
      begins[to] = from;
      ids[to] = id;
    };
    for (let from = 0; from < length;) {
      const width = widthOf(codePointAt(text, start + from));
      let coversOne = false;
      let node: number = Trie.ROOT;
      for (let i = from; i < length; i++) {
        node = trie.child(node, text.charCodeAt(start + i));
        if (node < 0) break;
        const id = trie.value(node);
        if (id < 0) continue;
        offer(i + 1, from, id, scores[id]! + best[from]!);
        if (i + 1 - from === width) coversOne = true;
      }
      if (!coversOne) offer(from + width, from, unknownId, unknownScore + best[from]!);
      from += width;
    }
    found.length = 0;
    for (let to = length; to > 0; to = begins[to]!) {
      const isUnknown = ids[to] === unknownId;
      // The end of the run is the one that is met first.
      if (isUnknown && found.at(-1) === unknownId) continue;
      found.push(to, ids[to]!);
    }
    let from = start;
    for (let i = found.length - 2; i >= 0; i -= 2) {
      const to = start + found[i]!;
      token(found[i + 1]!, from, to);
      from = to;
    }
  };
}

/** `{ "type": "Unigram", .. }` of a tokenizer.json. */
export function readUnigram(fields: RecordReader, vocabulary: Vocabulary): Model {
  const unknownId = fields.count("unk_id", 0, vocabulary.size - 1);
  if (fields.has("byte_fallback") && readFlag(fields, "byte_fallback")) {
    fields.fail(`"byte_fallback" is true, supported is false`);
  }
  const { scores } = vocabulary;
  if (!scores) return fields.fail(`"vocab" is an object, expected a list of words and scores`);
  return unigram({ vocabulary, scores, unknownId });
}
