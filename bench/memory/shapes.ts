/**
 * Shapes of well-known encoders whose memory is held to a bar: their settings, the kind and the size of
 * their tokenizer, and the form in which their tables are stored. The numbers are those of the
 * published config.json files; weights and words are random.
 */
import type { TableForm } from "../../src/encoder/quantize-weights.ts";
import type { Kind } from "../tokenizers/synthetic.ts";

export interface Shape {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>> & { readonly vocab_size: number };
  readonly tokenizer: Kind;
  readonly tables: TableForm;
  /** Most megabytes of wasm, buffers and JavaScript together; null where nothing is promised. */
  readonly most: number | null;
}

const BERT = {
  model_type: "bert",
  hidden_size: 384,
  num_attention_heads: 12,
  intermediate_size: 1536,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  hidden_act: "gelu",
};

export const SHAPES: readonly Shape[] = [
  {
    name: "minilm-l6",
    config: { ...BERT, num_hidden_layers: 6, vocab_size: 30_522 },
    tokenizer: "wordpiece",
    tables: "int8",
    most: null,
  },
  {
    name: "distilbert",
    config: {
      model_type: "distilbert",
      dim: 768,
      n_heads: 12,
      n_layers: 6,
      hidden_dim: 3072,
      max_position_embeddings: 512,
      vocab_size: 30_522,
    },
    tokenizer: "wordpiece",
    tables: "int8",
    most: 85,
  },
  {
    name: "multilingual-minilm",
    config: { ...BERT, num_hidden_layers: 12, vocab_size: 250_037 },
    tokenizer: "unigram",
    tables: "compact",
    most: 105,
  },
  {
    name: "ettin-32m",
    config: {
      model_type: "modernbert",
      hidden_size: 384,
      num_hidden_layers: 10,
      num_attention_heads: 6,
      intermediate_size: 576,
      max_position_embeddings: 7_999,
      local_attention: 128,
      global_attn_every_n_layers: 3,
      vocab_size: 50_368,
    },
    tokenizer: "bpe",
    tables: "int8",
    most: null,
  },
];
