/** ByteLevel: the model gets a word's bytes. Words are cut by GPT-2's pattern, or by a Split before it. */
import type { RecordReader } from "../../record.ts";
import { readFlag } from "../json/fields.ts";
import type { Rewriter } from "../normalizers/rewriter.ts";
import type { PreTokenizer, WordSplitter } from "./pre-tokenizer.ts";
import { GPT2, splitterOf } from "./word-patterns.ts";

const BLANK = 0x20;

/** `{ "type": "ByteLevel", .. }` as the pre-tokenizer of a tokenizer.json. */
export function readByteLevel(fields: RecordReader): PreTokenizer {
  return {
    prepare: readFlag(fields, "add_prefix_space") ? withPrefixSpace : null,
    split: usesPattern(fields) ? splitterOf(GPT2)! : asOneWord,
    isByteLevel: true,
  };
}

const usesPattern = (fields: RecordReader): boolean =>
  !fields.has("use_regex") || readFlag(fields, "use_regex");

const asOneWord: WordSplitter = (_text, from, to, word) => word(from, to);

/**
 * A Split by a pattern, then ByteLevel without one. null for a pattern that is not known, and for words
 * that are cut twice or get a space each.
 */
export function readSplitBytes(split: RecordReader, byteLevel: RecordReader): PreTokenizer | null {
  const pattern = split.record("pattern");
  const isPlain =
    pattern.has("Regex") &&
    split.string("behavior") === "Isolated" &&
    !readFlag(split, "invert") &&
    !usesPattern(byteLevel) &&
    !readFlag(byteLevel, "add_prefix_space");
  const splitter = isPlain ? splitterOf(pattern.string("Regex")) : null;
  return splitter && { prepare: null, split: splitter, isByteLevel: true };
}

/** A space before a text that does not begin with one; it shares the first character's origin. */
const withPrefixSpace: Rewriter = (input, out) => {
  if (input.length > 0 && input.charCodeAt(0) !== BLANK) out.push(BLANK, input.origin(0));
  out.append(input, 0, input.length);
};
