/**
 * Metaspace (SentencePiece): a space becomes a visible letter, which begins the word behind it; one
 * is put before a text that has none there.
 */
import type { RecordReader } from "../../record.ts";
import { readFlag } from "../json/fields.ts";
import { codePointAt, widthOf, type TextBuffer } from "../text/text-buffer.ts";
import { SPACE, codePointFlags } from "../text/unicode.ts";
import type { Rewriter } from "../normalizers/rewriter.ts";
import type { PreTokenizer, WordSplitter } from "./pre-tokenizer.ts";

const BLANK = 0x20;

/** `{ "type": "Metaspace", .. }`; `splitsSpaces` where a WhitespaceSplit stands before it. */
export function readMetaspace(fields: RecordReader, splitsSpaces = false): PreTokenizer {
  const letter = fields.string("replacement");
  const code = letter.codePointAt(0);
  if (code === undefined || letter.length !== widthOf(code)) {
    fields.fail(`"replacement" is ${JSON.stringify(letter)}, expected one character`);
  }
  const scheme = readScheme(fields);
  const isSplit = !fields.has("split") || readFlag(fields, "split");
  return {
    prepare: splitsSpaces ? wordByWord(code!, scheme) : asOne(code!, scheme),
    split: isSplit ? splitBefore(code!) : (_text, from, to, word) => word(from, to),
    isByteLevel: false,
  };
}

type Scheme = "always" | "first" | "never";

/** Older files have a flag instead of the scheme. */
function readScheme(fields: RecordReader): Scheme {
  if (fields.has("prepend_scheme")) {
    return fields.oneOf("prepend_scheme", ["always", "first", "never"]);
  }
  return !fields.has("add_prefix_space") || readFlag(fields, "add_prefix_space")
    ? "always"
    : "never";
}

/** Whether a text that begins at `origin` gets a letter before it. */
const prepends = (scheme: Scheme, origin: number): boolean =>
  scheme === "always" || (scheme === "first" && origin === 0);

function asOne(letter: number, scheme: Scheme): Rewriter {
  return (input, out) => {
    for (let i = 0; i < input.length;) {
      const code = codePointAt(input, i);
      const made = code === BLANK ? letter : code;
      const origin = input.origin(i);
      if (i === 0 && made !== letter && prepends(scheme, origin)) out.push(letter, origin);
      out.push(made, origin);
      i += widthOf(code);
    }
  };
}

/** White space goes, and every word that it parts is a text of its own. */
function wordByWord(letter: number, scheme: Scheme): Rewriter {
  const flags = codePointFlags();
  return (input: TextBuffer, out) => {
    let isInWord = false;
    for (let i = 0; i < input.length;) {
      const code = codePointAt(input, i);
      const origin = input.origin(i);
      i += widthOf(code);
      if (flags[code]! & SPACE) {
        isInWord = false;
        continue;
      }
      if (!isInWord && code !== letter && prepends(scheme, origin)) out.push(letter, origin);
      isInWord = true;
      out.push(code, origin);
    }
  };
}

/** Words begin at the letter. */
function splitBefore(letter: number): WordSplitter {
  const width = widthOf(letter);
  return (text, from, to, word) => {
    let start = from;
    for (let i = from; i < to; i += widthOf(codePointAt(text, i))) {
      if (i > start && codePointAt(text, i) === letter && i - start >= width) {
        word(start, i);
        start = i;
      }
    }
    if (to > start) word(start, to);
  };
}
