/** A small tokenizer.json that tests change, and what becomes of it. */
import { FormatError } from "../../src/core/errors.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { createTokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import type { Tokenizer } from "../../src/core/tokenizer/tokenizer.ts";

export const EXPECTED_OUTCOME = /^(works$|tokenizer-invalid: |tokenizer-unsupported: )/;

export const WORDS =
  "[PAD] [UNK] [CLS] [SEP] a b ab ##b ##c é 漢 😀 ! constructor __proto__ ##__proto__";
export const added = (content: string, flags: object = {}) => {
  const off = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return { id: 0, content, special: true, ...off, ...flags };
};
export const step = (kind: string, id: string, type_id = 0) => ({ [kind]: { id, type_id } });

/** A whole tokenizer.json as JSON.parse would give it; `changes` replaces fields at the top. */
export function file(changes: object = {}): Record<string, unknown> {
  const vocab = Object.fromEntries(WORDS.split(" ").map((word, id) => [word, id]));
  const [cls, sep] = [step("SpecialToken", "[CLS]"), step("SpecialToken", "[SEP]")];
  return {
    added_tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map((content) => added(content)),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: false,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [cls, step("Sequence", "A"), sep],
      pair: [cls, step("Sequence", "A"), sep, step("Sequence", "B", 1), sep],
      special_tokens: { "[CLS]": { ids: [2] }, "[SEP]": { ids: [3] } },
    },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab,
    },
    ...changes,
  };
}

export const model = (changes: object) => ({
  model: { ...(file()["model"] as object), ...changes },
});

/** The tokenizer of a tokenizer.json that is given as a JSON value. */
export const tokenizerOf = (json: unknown): Tokenizer =>
  createTokenizer(encodeUtf8(JSON.stringify(json)));

export const idsOf = (json: unknown, text: string, pair?: string): number[] =>
  Array.from(tokenizerOf(json).encode(text, pair).ids);

/** Makes a tokenizer and uses it: "works", or code and message of the FormatError it threw. */
export function outcome(json: unknown): string {
  try {
    tokenizerOf(json).encode("a ab é漢😀 [CLS] __proto__!", "b");
    return "works";
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}
