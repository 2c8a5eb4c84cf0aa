/**
 * Tiny checkpoints of every family, most of them of widths that are no multiple of 8: the kernels of
 * our own engine keep those with zeros behind them.
 */

/** What their configurations have that others have not (tiny-base.ts). */
export const FAMILY_CONFIGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  bert: { hidden_act: "relu" },
  "bert-cased": { hidden_act: "gelu_new", hidden_size: 52, intermediate_size: 74 },
  distilbert: { model_type: "distilbert", dim: 44, n_heads: 4, n_layers: 2, hidden_dim: 90 },
  electra: { model_type: "electra", hidden_size: 40, embedding_size: 12 },
  "electra with wide embeddings": { model_type: "electra", embedding_size: 49 },
  eurobert: {
    model_type: "eurobert",
    hidden_size: 40,
    intermediate_size: 75,
    num_key_value_heads: 2,
    hidden_act: "silu",
    rms_norm_eps: 1e-5,
    attention_bias: false,
    mlp_bias: false,
    rope_parameters: { rope_type: "default", rope_theta: 10_000 },
  },
  modernbert: {
    model_type: "modernbert",
    hidden_size: 56,
    intermediate_size: 60,
    num_hidden_layers: 4,
    global_attn_every_n_layers: 3,
    local_attention: 16,
    hidden_activation: "gelu",
    norm_eps: 1e-5,
    norm_bias: false,
    attention_bias: false,
    mlp_bias: false,
  },
  roberta: { model_type: "roberta", pad_token_id: 1 },
  "xlm-roberta": {
    model_type: "xlm-roberta",
    pad_token_id: 1,
    hidden_size: 39,
    num_attention_heads: 3,
    intermediate_size: 66,
  },
};
