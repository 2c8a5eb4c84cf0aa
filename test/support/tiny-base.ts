/**
 * A real base small enough to be made in every test: a seeded BERT checkpoint (2 layers, H 32, N 4,
 * 200 words or so) that goes through the importer, so no layer above needs a mocked session.
 */
import { architectureOf } from "../../src/encoder/families/families.ts";
import { writeBaseFolder } from "../../scripts/base/base-folder.ts";
import type { Base } from "../../src/encoder/base.ts";
import type { Checkpoint } from "../../scripts/base/checkpoint.ts";
import { importCheckpoint } from "../../scripts/base/convert.ts";
import { createNodeSession } from "../../scripts/node/runtime-node.ts";
import { keyOf, normals, derive } from "../../src/learn/random.ts";
import { sizeOf } from "../../src/core/model/shapes.ts";
import { float32 } from "../../src/core/model/tensor.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import { encodeUtf8 } from "../../src/core/text.ts";

export interface TinyBaseOptions {
  readonly dtype: "int8" | "fp32";
  readonly seed: number;
  readonly name?: string;
  /** Fields that replace or join those of config.json, such as `hidden_act` or another `model_type`. */
  readonly config?: Readonly<Record<string, unknown>>;
}

const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const LETTERS = [..."abcdefghijklmnopqrstuvwxyz0123456789"];
const SIGNS = [..."!\"#$%&'()*+,-./:;<=>?@[]_"];
const WORDS = (
  "the of and to in a is it was for on with as by at from this that be not are or an have had his " +
  "her he she they we you i film movie plot acting good bad great dull fine awful funny sad best worst " +
  "angela merkel visited paris berlin london new york june july company works here there who what " +
  "when where why how my your card payment account money help please thanks one two three first last " +
  "never always very too so but if then more most less story music long short ##s ##ed ##ing ##ly ##er"
).split(" ");

/** The tiny vocabulary: special tokens, single characters and their ## forms, words. */
export const TINY_VOCAB: readonly string[] = [
  ...new Set([...SPECIAL, ...SIGNS, ...LETTERS, ...LETTERS.map((c) => `##${c}`), ...WORDS]),
];

/** tokenizer.json of a BERT that lowercases, over `TINY_VOCAB`. */
export function tinyTokenizerJson(vocab: readonly string[] = TINY_VOCAB): Record<string, unknown> {
  const ids = Object.fromEntries(vocab.map((token, id) => [token, id]));
  const special = (content: string): Record<string, unknown> => ({
    id: ids[content],
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  const token = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
  const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: SPECIAL.map(special),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [token("[CLS]", 0), sequence("A", 0), token("[SEP]", 0)],
      pair: [
        token("[CLS]", 0),
        sequence("A", 0),
        token("[SEP]", 0),
        sequence("B", 1),
        token("[SEP]", 1),
      ],
      special_tokens: Object.fromEntries(
        ["[CLS]", "[SEP]"].map((id) => [id, { id, ids: [ids[id]], tokens: [id] }]),
      ),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: ids,
    },
  };
}

/** A tokenizer for families that know no token types. */
const withoutTypes = (tokenizer: string): string =>
  tokenizer.replaceAll('"type_id":1', '"type_id":0');

/** A checkpoint as `save_pretrained` would write it, from a seed. */
export function tinyCheckpoint(seed: number, overrides: Record<string, unknown> = {}): Checkpoint {
  const config = {
    architectures: ["BertModel"],
    model_type: "bert",
    hidden_act: "gelu",
    hidden_size: 32,
    intermediate_size: 64,
    layer_norm_eps: 1e-12,
    max_position_embeddings: 128,
    num_attention_heads: 4,
    num_hidden_layers: 2,
    pad_token_id: 0,
    type_vocab_size: 2,
    vocab_size: TINY_VOCAB.length,
    ...overrides,
  };
  const tokenizer = JSON.stringify(tinyTokenizerJson());
  const tensors = new Map<string, Tensor>();
  const architecture = architectureOf(config);
  const encoder = architecture.readConfig(config);
  for (const { name, dims } of architecture.tensors(encoder)) {
    const values = normals(derive(keyOf(seed), name), sizeOf(dims), 1 / Math.sqrt(dims.at(-1)!));
    // Gains of norms lie around 1; everything else around 0.
    const isGain = /norm\.weight$/i.test(name);
    tensors.set(name, float32(dims, isGain ? values.map((value) => 1 + value) : values));
  }
  return {
    source: `seed ${seed}`,
    config: encodeUtf8(JSON.stringify(config)),
    tokenizer: encodeUtf8(encoder.typeVocab > 0 ? tokenizer : withoutTypes(tokenizer)),
    tensors,
    unread: new Map(),
    licence: "apache-2.0",
    pooling: { pooling: null, notes: [] },
  };
}

/** A base in memory; the same options give the same identity. */
export function makeTinyBase({
  dtype,
  seed,
  name = "tiny",
  config,
}: TinyBaseOptions): Promise<Base> {
  const created = new Date("2026-01-01T00:00:00Z");
  const checkpoint = tinyCheckpoint(seed, config);
  const options = { name, created, takesLowRank: true };
  return dtype === "int8"
    ? importCheckpoint(checkpoint, { ...options, dtype, openSession: createNodeSession })
    : importCheckpoint(checkpoint, { ...options, dtype });
}

/** The same as a folder. */
export async function writeTinyBase(dir: string, options: TinyBaseOptions): Promise<Base> {
  const base = await makeTinyBase(options);
  await writeBaseFolder(dir, base);
  return base;
}
