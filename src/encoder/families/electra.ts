/**
 * ELECTRA's discriminator (arXiv 2003.10555): BERT's layers on embeddings that may be narrower, with
 * a linear between the two. Reference: transformers' modeling_electra.py.
 */
import { bertLike } from "./bert-layers.ts";

export const electra = bertLike({
  modelType: "electra",
  embeddingProjection: "embeddings_project",
  mayHavePooler: false,
  prefixes: ["electra."],
  ignored:
    /^(embeddings\.(position|token_type)_ids|(discriminator|generator)_predictions\..*|generator_lm_head\..*|classifier\..*|qa_outputs\..*)$/,
});
