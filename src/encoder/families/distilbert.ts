/**
 * DistilBERT (arXiv 1910.01108): BERT's layers without token types and pooler, under names of its
 * own. Reference: transformers' modeling_distilbert.py, where the epsilon of the norms is written in
 * the code. Positions made of sines are stored as a table, as trained ones are.
 */
import { bertLike } from "./bert-layers.ts";

export const distilbert = bertLike({
  modelType: "distilbert",
  settings: {
    hidden: "dim",
    heads: "n_heads",
    layers: "n_layers",
    intermediate: "hidden_dim",
    activation: "activation",
  },
  tensors: {
    layers: "transformer.layer",
    query: "attention.q_lin",
    key: "attention.k_lin",
    value: "attention.v_lin",
    attended: "attention.out_lin",
    attentionNorm: "sa_layer_norm",
    up: "ffn.lin1",
    down: "ffn.lin2",
    feedForwardNorm: "output_layer_norm",
  },
  mayHavePooler: false,
  hasTypes: false,
  epsilon: 1e-12,
  prefixes: ["distilbert."],
  ignored:
    /^(embeddings\.position_ids|vocab_(transform|layer_norm|projector)\..*|(pre_)?classifier\..*|qa_outputs\..*)$/,
});
