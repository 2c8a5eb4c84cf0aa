/**
 * tokenizer.json files of any size, from a seed: random words of the lengths that real ones have, over
 * several scripts where the vocabulary is multilingual.
 */
import { derive, keyOf, uniforms } from "../../src/learn/random.ts";
import type { Shape } from "./shapes.ts";

type Uniform = () => number;

const LATIN = [..."etaoinshrdlucmfwypvbgkjqxz"];
const MANY = [
  ...LATIN,
  ..."абвгдежзиклмнопрстуфхцчшщыьэюя",
  ..."αβγδεζηθικλμνξοπρστυφχψω",
  ..."ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
  ..."अआइईउऊएऐओऔकखगघचछजटठडढणतथदनपफबभमयरलवशषसह",
];
/** Mean number of letters of a word. */
const LETTERS = 6;

/** tokenizer.json of a kind with so many tokens. */
export function randomTokenizer(kind: Shape["tokenizer"], vocab: number, seed: number): object {
  const uniform = uniforms(derive(keyOf(seed), "tokenizer", kind));
  switch (kind) {
    case "WordPiece":
      return wordPiece(vocab, uniform);
    case "Unigram":
      return unigram(vocab, uniform);
    case "BPE":
      return bytePairs(vocab, uniform);
    default:
      return kind satisfies never;
  }
}

/** So many different words; every letter is one of them. */
function words(count: number, letters: readonly string[], uniform: Uniform): string[] {
  const found = new Set(letters);
  while (found.size < count) {
    const length = 2 + Math.floor(uniform() * 2 * (LETTERS - 2));
    const script = Math.floor((uniform() * letters.length) / LATIN.length) * LATIN.length;
    let word = "";
    for (let i = 0; i < length; i++) {
      word += letters[(script + Math.floor(uniform() ** 2 * LATIN.length)) % letters.length]!;
    }
    found.add(word);
  }
  return [...found];
}

const idsOf = (tokens: readonly string[]): Record<string, number> =>
  Object.fromEntries(tokens.map((token, id) => [token, id]));

function frame(tokens: readonly string[], first: string, last: string) {
  const special = (content: string) => ({
    id: tokens.indexOf(content),
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  const token = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const text = (id: string) => ({ Sequence: { id, type_id: 0 } });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [special(first), special(last)],
    post_processor: {
      type: "TemplateProcessing",
      single: [token(first), text("A"), token(last)],
      pair: [token(first), text("A"), token(last), text("B"), token(last)],
      special_tokens: Object.fromEntries(
        [first, last].map((id) => [id, { id, ids: [tokens.indexOf(id)], tokens: [id] }]),
      ),
    },
    decoder: null,
  };
}

function wordPiece(vocab: number, uniform: Uniform): object {
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const plain = words(vocab - special.length - LATIN.length, LATIN, uniform);
  const tokens = [...special, ...LATIN.map((letter) => `##${letter}`), ...plain];
  return {
    ...frame(tokens, "[CLS]", "[SEP]"),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: idsOf(tokens),
    },
  };
}

/** Half of the words begin one, as SentencePiece marks it. */
function unigram(vocab: number, uniform: Uniform): object {
  const special = ["<s>", "<pad>", "</s>", "<unk>"];
  const plain = words(vocab - special.length, MANY, uniform).map((word, i) =>
    word.length > 1 && i % 2 === 0 ? `\u2581${word}` : word,
  );
  const tokens = [...special, ...new Set(plain)];
  while (tokens.length < vocab) tokens.push(`\u2581\u2581${tokens.length}`);
  const scored = tokens.map((token, id) => [token, id < special.length ? 0 : -5 - 12 * uniform()]);
  const metaspace = { type: "Metaspace", replacement: "\u2581", prepend_scheme: "always" };
  return {
    ...frame(tokens, "<s>", "</s>"),
    normalizer: { type: "NFKC" },
    pre_tokenizer: { ...metaspace, split: true },
    model: { type: "Unigram", unk_id: 3, vocab: scored },
  };
}

/** The 256 characters that GPT-2 writes bytes as, then merges of two tokens that are there. */
function bytePairs(vocab: number, uniform: Uniform): object {
  const special = ["[CLS]", "[SEP]"];
  const isPlain = (byte: number): boolean =>
    (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let beyond = 256;
  const bytes = Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(isPlain(byte) ? byte : beyond++),
  );
  const tokens = [...special, ...bytes];
  const known = new Set(tokens);
  const grown = [...LATIN, "\u0120"];
  const merges: string[] = [];
  const draw = (): string => grown[Math.floor(uniform() ** 2 * grown.length)]!;
  while (tokens.length < vocab) {
    const [left, right] = [draw(), draw()];
    const token = left + right;
    if (token.length > 2 * LETTERS || right.startsWith("\u0120") || known.has(token)) continue;
    merges.push(`${left} ${right}`);
    tokens.push(token);
    known.add(token);
    grown.push(token);
  }
  return {
    ...frame(tokens, "[CLS]", "[SEP]"),
    normalizer: { type: "NFC" },
    pre_tokenizer: {
      type: "ByteLevel",
      add_prefix_space: false,
      trim_offsets: true,
      use_regex: true,
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      byte_fallback: false,
      vocab: idsOf(tokens),
      merges,
    },
  };
}
