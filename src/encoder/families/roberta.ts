/**
 * RoBERTa (arXiv 1907.11692) and XLM-RoBERTa (arXiv 1911.02116): BERT's layers with other words.
 * Both were trained in fairseq, where the first token stands at the position behind the id of
 * padding; the rows before it are unused. Reference: transformers' modeling_roberta.py and
 * modeling_xlm_roberta.py, which have the same names and mathematics.
 */
import type { Architecture } from "./architecture.ts";
import { bertLike } from "./bert-layers.ts";

const family = (modelType: string): Architecture =>
  bertLike({
    modelType,
    padTokenId: 1,
    countsFromPadding: true,
    prefixes: ["roberta."],
    ignored: /^(embeddings\.(position|token_type)_ids|lm_head\..*|classifier\..*|qa_outputs\..*)$/,
  });

export const roberta = family("roberta");
export const xlmRoberta = family("xlm-roberta");
