/** A shape of each family for its latency: that of a small published encoder, where there is one. */
import { SHAPES } from "../memory/shapes.ts";
import type { Shape } from "../memory/shapes.ts";

const known = (name: string): Shape => SHAPES.find((shape) => shape.name === name)!;

const SMALL = {
  num_hidden_layers: 6,
  hidden_size: 384,
  num_attention_heads: 12,
  intermediate_size: 1536,
  max_position_embeddings: 514,
  type_vocab_size: 1,
  pad_token_id: 1,
};

const shape = (name: string, tokenizer: Shape["tokenizer"], config: Shape["config"]): Shape => ({
  name,
  config,
  tokenizer,
  tables: "int8",
  most: null,
});

export const FAMILY_SHAPES: readonly Shape[] = [
  { ...known("minilm-l6"), name: "bert" },
  known("distilbert"),
  shape("electra", "wordpiece", {
    model_type: "electra",
    embedding_size: 128,
    hidden_size: 256,
    num_hidden_layers: 12,
    num_attention_heads: 4,
    intermediate_size: 1024,
    max_position_embeddings: 512,
    type_vocab_size: 2,
    vocab_size: 30_522,
  }),
  shape("roberta", "bpe", { ...SMALL, model_type: "roberta", vocab_size: 50_265 }),
  // Rows of the word table cost no time: fewer than XLM-RoBERTa's 250,000 say the same.
  shape("xlm-roberta", "unigram", {
    ...SMALL,
    model_type: "xlm-roberta",
    num_hidden_layers: 12,
    vocab_size: 30_000,
  }),
  { ...known("ettin-32m"), name: "modernbert" },
  // EuroBERT is published with 12 layers of 768 and more; three query heads share a key head here.
  shape("eurobert", "bpe", {
    model_type: "eurobert",
    num_hidden_layers: 6,
    hidden_size: 384,
    num_attention_heads: 6,
    num_key_value_heads: 2,
    intermediate_size: 1536,
    max_position_embeddings: 8_192,
    pad_token_id: 0,
    vocab_size: 30_000,
  }),
];
