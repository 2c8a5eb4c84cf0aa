/**
 * ByteLevel: words by the pattern of GPT-2, each with the space before it.
 *
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * Read by hand, over the library's own classes: an engine's \p{..} would differ in thousands of code
 * points.
 */
import { codePointAt, widthOf, type Units } from "../text/text-buffer.ts";
import type { Rewriter } from "../normalizers/rewriter.ts";
import { readFlag } from "../json/fields.ts";
import type { RecordReader } from "../../record.ts";
import { PATTERN_SPACE, patternKinds } from "../text/unicode.ts";
import type { PreTokenizer, WordSplitter } from "./pre-tokenizer.ts";

const BLANK = 0x20;
const APOSTROPHE = 0x27;
/** What follows the apostrophe of a contraction, in the order of the pattern. */
const CONTRACTIONS = ["s", "t", "re", "ve", "m", "ll", "d"];

/** `{ "type": "ByteLevel", .. }` as the pre-tokenizer of a tokenizer.json. */
export function readByteLevel(fields: RecordReader): PreTokenizer {
  const usesPattern = !fields.has("use_regex") || readFlag(fields, "use_regex");
  return {
    prepare: readFlag(fields, "add_prefix_space") ? withPrefixSpace : null,
    split: usesPattern ? gpt2Splitter() : (_text, from, to, word) => word(from, to),
    isByteLevel: true,
  };
}

/** A space before a text that does not begin with one; it shares the first character's origin. */
const withPrefixSpace: Rewriter = (input, out) => {
  if (input.length > 0 && input.charCodeAt(0) !== BLANK) out.push(BLANK, input.origin(0));
  for (let i = 0; i < input.length;) {
    const code = codePointAt(input, i);
    out.push(code, input.origin(i));
    i += widthOf(code);
  }
};

/** Cuts as GPT-2 does. */
function gpt2Splitter(): WordSplitter {
  const kinds = patternKinds();
  /** End of the run of one kind that begins at `from`. */
  const runEnd = (text: Units, from: number, to: number, kind: number): number => {
    let i = from;
    while (i < to) {
      const code = codePointAt(text, i);
      if (kinds[code] !== kind) break;
      i += widthOf(code);
    }
    return i;
  };
  return (text, from, to, word) => {
    for (let start = from, end = from; start < to; start = end) {
      end = contractionEnd(text, start, to);
      if (end === start) {
        const first = text.charCodeAt(start) === BLANK && start + 1 < to ? start + 1 : start;
        const kind = kinds[codePointAt(text, first)]!;
        if (kind !== PATTERN_SPACE) {
          end = runEnd(text, first, to, kind);
        } else {
          end = runEnd(text, start, to, PATTERN_SPACE);
          // The last space of several belongs to what follows. Spaces are one unit each.
          if (end < to && end - start > 1) end -= 1;
        }
      }
      word(start, end);
    }
  };
}

function contractionEnd(text: Units, start: number, to: number): number {
  if (text.charCodeAt(start) !== APOSTROPHE) return start;
  for (const rest of CONTRACTIONS) {
    const end = start + 1 + rest.length;
    if (end > to) continue;
    let i = 0;
    while (i < rest.length && text.charCodeAt(start + 1 + i) === rest.charCodeAt(i)) i++;
    if (i === rest.length) return end;
  }
  return start;
}
