/**
 * BERT (arXiv 1810.04805). Reference: transformers' modeling_bert.py (names, order, epsilon), with
 * P-Tuning v2's prefix entering as past keys and values.
 */
import { bertLike } from "./bert-layers.ts";

export const bert = bertLike({
  modelType: "bert",
  prefixes: ["bert."],
  ignored: /^(embeddings\.position_ids|cls\..*|classifier\..*|qa_outputs\..*|dropout\..*)$/,
});
