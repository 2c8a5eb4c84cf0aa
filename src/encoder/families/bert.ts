/**
 * BERT (arXiv 1810.04805): token, position and type embeddings, then post-norm layers of
 * self-attention and a feed-forward block. Reference: transformers' modeling_bert.py (names, order,
 * epsilon), with P-Tuning v2's prefix entering as past keys and values.
 */
import { readRecord } from "../../core/record.ts";
import { checkActivation } from "../../graph/ops.ts";
import type { BlockSpec } from "../layers/block.ts";
import type { EncoderSpec } from "../layers/encoder.ts";
import type { LinearSpec } from "../layers/linear.ts";
import type { NormSpec } from "../layers/norm.ts";
import { defineFamily } from "./architecture.ts";
import type { Configuration, EncoderConfig } from "./architecture.ts";
import { SUBJECT, readSizes, unsupported } from "./settings.ts";

const EMBEDDINGS = "embeddings";
const WORDS = `${EMBEDDINGS}.word_embeddings.weight`;
const LAYERS = "encoder.layer";

function readConfig(json: unknown): EncoderConfig {
  const r = readRecord(json, SUBJECT, "config-invalid");
  const position = r.has("position_embedding_type")
    ? r.string("position_embedding_type")
    : "absolute";
  if (position !== "absolute") {
    unsupported(`position_embedding_type is "${position}"; supported is "absolute"`);
  }
  for (const flag of ["is_decoder", "add_cross_attention"]) {
    if (r.raw(flag) === true) unsupported(`${flag} is true; supported are encoders (false)`);
  }
  const settings = {
    ...readSizes(r),
    modelType: "bert",
    typeVocab: r.count("type_vocab_size", 1, 1024),
    epsilon: r.has("layer_norm_eps") ? r.number("layer_norm_eps", 1e-15, 1) : 1e-12,
    activation: checkActivation(SUBJECT, r.has("hidden_act") ? r.string("hidden_act") : "gelu"),
  };
  return { ...settings, encoder: describe(settings) };
}

const writeConfig = (config: EncoderConfig): Configuration => ({
  model_type: config.modelType,
  num_hidden_layers: config.layers,
  hidden_size: config.hidden,
  num_attention_heads: config.heads,
  num_key_value_heads: config.kvHeads,
  head_dim: config.headSize,
  intermediate_size: config.intermediate,
  hidden_act: config.activation,
  layer_norm_eps: config.epsilon,
  position_embedding_type: "absolute",
  max_position_embeddings: config.maxPositions,
  vocab_size: config.vocab,
  type_vocab_size: config.typeVocab,
  pad_token_id: config.padTokenId,
});

type Settings = Omit<EncoderConfig, "encoder">;

function describe(settings: Settings): EncoderSpec {
  const { hidden, vocab, maxPositions, typeVocab } = settings;
  return {
    sizes: settings,
    embeddings: {
      width: hidden,
      words: { name: WORDS, rows: vocab },
      positions: { name: `${EMBEDDINGS}.position_embeddings.weight`, rows: maxPositions },
      types: { name: `${EMBEDDINGS}.token_type_embeddings.weight`, rows: typeVocab },
      norm: normOf(settings, `${EMBEDDINGS}.LayerNorm`),
    },
    blocks: Array.from({ length: settings.layers }, (_, i) => layer(settings, `${LAYERS}.${i}`)),
    finalNorm: null,
  };
}

const normOf = ({ hidden, epsilon }: Settings, name: string): NormSpec => ({
  name,
  width: hidden,
  kind: "layer",
  hasBias: true,
  epsilon,
});

function layer(settings: Settings, at: string): BlockSpec {
  const { hidden: H, intermediate: I, activation } = settings;
  const linear = (name: string, inputs: number, outputs: number, scale?: string): LinearSpec => ({
    name: `${at}.${name}`,
    inputs,
    outputs,
    hasBias: true,
    ...(scale !== undefined && { inputScale: `${at}.${scale}.input_scale` }),
  });
  const projection = (name: string): LinearSpec =>
    linear(`attention.self.${name}`, H, H, "attention.self");
  return {
    norms: "post",
    attention: {
      form: "separate",
      query: projection("query"),
      key: projection("key"),
      value: projection("value"),
      output: linear("attention.output.dense", H, H),
      rotaryTheta: null,
      window: null,
    },
    attentionNorm: normOf(settings, `${at}.attention.output.LayerNorm`),
    feedForward: {
      form: "plain",
      activation,
      up: linear("intermediate.dense", H, I, "intermediate.dense"),
      down: linear("output.dense", I, H),
    },
    feedForwardNorm: normOf(settings, `${at}.output.LayerNorm`),
  };
}

export const bert = defineFamily({
  readConfig,
  writeConfig,
  mayHavePooler: true,
  prefixes: ["bert."],
  ignored: /^(embeddings\.position_ids|cls\..*|classifier\..*|qa_outputs\..*|dropout\..*)$/,
  wordTable: WORDS,
  layers: LAYERS,
});
