/**
 * Tokenizers of the sizes that public checkpoints have, made from a seed: words of seven scripts whose
 * letters are as unequal as in real text, so that they share beginnings. Their tokens mean nothing; what
 * they measure is reading and memory.
 */
import { BYTE_CHARACTERS } from "../../src/core/tokenizer/text/byte-alphabet.ts";
import { derive, keyOf, uniforms } from "../../src/learn/random.ts";

export const KINDS = ["wordpiece", "bpe", "unigram"] as const;
export type Kind = (typeof KINDS)[number];

/** Letters of a script, and how much of the vocabulary it has. */
const SCRIPTS = [
  ["abcdefghijklmnopqrstuvwxyz", 0.5],
  [letters(0x430, 32), 0.15],
  [letters(0x4e00, 6000), 0.12],
  [letters(0xac00, 1500), 0.06],
  [letters(0x627, 36), 0.07],
  [letters(0x905, 70), 0.05],
  [letters(0xe01, 58), 0.05],
] as const;

function letters(first: number, count: number): string {
  return String.fromCharCode(...Array.from({ length: count }, (_, i) => first + i));
}

/** A tokenizer.json of so many pieces, with the line breaks that Python's library writes. */
export function syntheticTokenizer(kind: Kind, pieces: number, seed: number): Uint8Array {
  const uniform = uniforms(derive(keyOf(seed), kind));
  const file = { wordpiece, bpe, unigram }[kind](pieces, uniform);
  return new TextEncoder().encode(JSON.stringify(file, null, 2));
}

/** A word of one script; its early letters are the likeliest by far. */
function word(uniform: () => number): string {
  let share = uniform();
  const [alphabet] = SCRIPTS.find(([, part]) => (share -= part) < 0) ?? SCRIPTS[0];
  const length = alphabet.length > 1000 ? 1 + uniform() * 3 : 2 + uniform() * 9;
  let made = "";
  for (let i = 0; i < Math.floor(length); i++) {
    made += alphabet[Math.floor(uniform() ** 2.5 * alphabet.length)]!;
  }
  return made;
}

/** Different pieces: some given ones, then others until there are so many. */
function differing(pieces: number, given: readonly string[], next: () => string): string[] {
  const found = new Set(given);
  while (found.size < pieces) found.add(next());
  return [...found];
}

const added = (id: number, content: string) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

const idsOf = (words: readonly string[]): Record<string, number> =>
  Object.fromEntries(words.map((each, id) => [each, id]));

function wordpiece(pieces: number, uniform: () => number): object {
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const next = (): string => (uniform() < 0.2 ? "##" : "") + word(uniform);
  return {
    version: "1.0",
    decoder: null,
    added_tokens: special.map((content, id) => added(id, content)),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: { type: "BertProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 2] },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: idsOf(differing(pieces, special, next)),
    },
  };
}

function bpe(pieces: number, uniform: () => number): object {
  const special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"];
  const words = [...special, ...BYTE_CHARACTERS];
  const known = new Set(words);
  const merges: [string, string][] = [];
  const any = (): string =>
    words[special.length + Math.floor(uniform() ** 3 * (words.length - special.length))]!;
  while (words.length < pieces) {
    const [left, right] = [any(), any()];
    const both = left + right;
    if (both.length > 16 || known.has(both)) continue;
    known.add(both);
    words.push(both);
    merges.push([left, right]);
  }
  return {
    version: "1.0",
    decoder: null,
    added_tokens: special.map((content, id) => added(id, content)),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
    post_processor: {
      type: "RobertaProcessing",
      sep: ["</s>", 2],
      cls: ["<s>", 0],
      trim_offsets: true,
      add_prefix_space: false,
    },
    model: { type: "BPE", vocab: idsOf(words), merges },
  };
}

function unigram(pieces: number, uniform: () => number): object {
  const special = ["<s>", "<pad>", "</s>", "<unk>"];
  const next = (): string => (uniform() < 0.5 ? "▁" : "") + word(uniform);
  const given = [...special, "▁", ...SCRIPTS.flatMap(([alphabet]) => [...alphabet])];
  const vocab = differing(pieces, given, next).map((each, id) => [
    each,
    id < special.length ? 0 : -3 - 12 * uniform(),
  ]);
  return {
    version: "1.0",
    decoder: null,
    added_tokens: special.map((content, id) => added(id, content)),
    normalizer: { type: "NFKC" },
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    post_processor: {
      type: "RobertaProcessing",
      sep: ["</s>", 2],
      cls: ["<s>", 0],
      trim_offsets: false,
      add_prefix_space: false,
    },
    model: { type: "Unigram", unk_id: 3, vocab },
  };
}

/** Texts of about 200 words from a vocabulary, the early ones most often. */
export function syntheticTexts(vocab: object, count: number, seed: number): string[] {
  const uniform = uniforms(derive(keyOf(seed), "texts"));
  const pieces: string[] = Array.isArray(vocab)
    ? vocab.map(([piece]: [string]) => piece)
    : Object.keys(vocab);
  // What begins words is written without the sign for it.
  const words = pieces
    .map((piece) => piece.replace(/^(?:##|▁|Ġ)/, ""))
    .filter((word) => /^\p{L}+$/u.test(word));
  const next = (): string =>
    words[Math.floor(uniform() ** 2 * words.length)]! + (uniform() < 0.1 ? "." : "");
  return Array.from({ length: count }, () => Array.from({ length: 200 }, next).join(" "));
}
