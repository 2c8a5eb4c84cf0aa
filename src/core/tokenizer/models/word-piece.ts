/**
 * WordPiece: a word becomes the longest vocabulary word it starts with, then the longest
 * continuation ("##..") of the rest, and so on; or one unknown token when something does not fit.
 */
import { describe, type RecordReader } from "../../record.ts";
import { readText } from "../json/fields.ts";
import { codePointAt, widthOf, type Units } from "../text/text-buffer.ts";
import { Trie } from "../text/trie.ts";
import type { Model } from "./model.ts";
import type { Vocabulary } from "./vocabulary.ts";

export interface WordPieceOptions {
  readonly vocabulary: Vocabulary;
  readonly unknownId: number;
  readonly continuingPrefix: string;
  /** In code points, counted after normalization; a longer word is unknown. */
  readonly maxWordLength: number;
}

/** Makes the model. Time per word is its length times the longest vocabulary word at most. */
function wordPiece(options: WordPieceOptions): Model {
  const { unknownId, maxWordLength } = options;
  const { trie } = options.vocabulary;
  const continuing = trie.find(options.continuingPrefix); // -1: no word continues another
  const ids: number[] = [];
  const ends: number[] = [];

  return (text, start, end, token) => {
    if (isLonger(text, start, end, maxWordLength)) {
      token(unknownId, start, end);
      return;
    }
    ids.length = 0;
    ends.length = 0;
    for (let from = start; from < end;) {
      let node: number = from === start ? Trie.ROOT : continuing;
      let id = -1;
      let to = from;
      for (let i = from; i < end && node >= 0; i++) {
        node = trie.child(node, text.charCodeAt(i));
        if (node < 0) break;
        const value = trie.value(node);
        if (value < 0) continue;
        id = value;
        to = i + 1;
      }
      if (id < 0) {
        token(unknownId, start, end);
        return;
      }
      ids.push(id);
      ends.push(to);
      from = to;
    }
    for (let i = 0, from = start; i < ids.length; from = ends[i++]!) token(ids[i]!, from, ends[i]!);
  };
}

function isLonger(text: Units, start: number, end: number, limit: number): boolean {
  if (end - start <= limit) return false; // units bound code points from above
  let count = 0;
  for (let i = start; i < end; i += widthOf(codePointAt(text, i))) {
    if (++count > limit) return true;
  }
  return false;
}

/** `{ "type": "WordPiece", .. }` of a tokenizer.json. */
export function readWordPiece(fields: RecordReader, vocabulary: Vocabulary): Model {
  const unknown = fields.string("unk_token");
  const unknownId = vocabulary.get(unknown);
  if (unknownId === undefined) {
    return fields.fail(`"unk_token" ${describe(unknown)} is not in the vocabulary`);
  }
  return wordPiece({
    vocabulary,
    unknownId,
    continuingPrefix: readText(fields, "continuing_subword_prefix"),
    maxWordLength: fields.count("max_input_chars_per_word", 0, Number.MAX_SAFE_INTEGER),
  });
}
