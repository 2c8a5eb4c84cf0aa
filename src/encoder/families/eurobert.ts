/**
 * EuroBERT (arXiv 2503.05500): a Llama-like encoder. Pre-norm layers with RMSNorm, rotary positions,
 * query heads that share key heads, SwiGLU, no token types and no position table. Reference:
 * transformers' modeling_eurobert.py.
 */
import { readRecord } from "../../core/record.ts";
import type { RecordReader } from "../../core/record.ts";
import type { BlockSpec } from "../layers/block.ts";
import type { LinearSpec } from "../layers/linear.ts";
import type { NormSpec } from "../layers/norm.ts";
import { defineFamily } from "./architecture.ts";
import type { Configuration, EncoderConfig } from "./architecture.ts";
import {
  ENCODER_ONLY,
  PLAIN_ROTARY,
  SIZE_SETTINGS,
  SUBJECT,
  checkFixed,
  checkRotary,
  readActivation,
  readFlag,
  readSizes,
  readTheta,
} from "./settings.ts";

const WORDS = "embed_tokens.weight";
const LAYERS = "layers";
/** Default of transformers' EuroBertConfig. */
const THETA = 250_000;

type Settings = Omit<EncoderConfig, "encoder">;

/** Settings that only this family has. */
interface Details {
  readonly theta: number;
  readonly hasAttentionBias: boolean;
  readonly hasFeedForwardBias: boolean;
}

function readConfig(json: unknown): EncoderConfig {
  const r = readRecord(json, SUBJECT, "config-invalid");
  const sizes = readSizes(r);
  const kvHeads = r.has("num_key_value_heads")
    ? r.count("num_key_value_heads", 1, sizes.heads)
    : sizes.heads;
  if (sizes.heads % kvHeads !== 0) {
    r.fail(
      `num_attention_heads ${sizes.heads} does not divide into num_key_value_heads ${kvHeads}`,
    );
  }
  const headSize = r.has("head_dim") ? r.count("head_dim", 2, 8192) : sizes.headSize;
  checkRotary(r, headSize);
  // Local layers, and values cut to a range, which some Llamas have.
  const local = { layer_types: null, sliding_window: null, use_sliding_window: false };
  checkFixed(r, { ...ENCODER_ONLY, ...PLAIN_ROTARY, ...local, clip_qkv: null });
  const settings = {
    ...sizes,
    modelType: "eurobert",
    kvHeads,
    headSize,
    typeVocab: 0,
    epsilon: r.has("rms_norm_eps") ? r.number("rms_norm_eps", 1e-15, 1) : 1e-5,
    activation: readActivation(r, "hidden_act", "silu"),
  };
  const details = {
    theta: thetaOf(r),
    hasAttentionBias: readFlag(r, "attention_bias"),
    hasFeedForwardBias: readFlag(r, "mlp_bias"),
  };
  return {
    ...settings,
    encoder: {
      sizes: settings,
      embeddings: {
        width: settings.hidden,
        words: { name: WORDS, rows: settings.vocab },
        positions: null,
        types: null,
        norm: null,
        projection: null,
      },
      blocks: Array.from({ length: settings.layers }, (_, i) =>
        layer(settings, details, `${LAYERS}.${i}`),
      ),
      finalNorm: normOf(settings, "norm"),
    },
  };
}

function thetaOf(r: RecordReader): number {
  if (r.has("rope_parameters")) return readTheta(r.record("rope_parameters"));
  return r.has("rope_theta") ? readTheta(r) : THETA;
}

function writeConfig(config: EncoderConfig): Configuration {
  const { attention, feedForward } = config.encoder.blocks[0]!;
  return {
    model_type: config.modelType,
    num_hidden_layers: config.layers,
    hidden_size: config.hidden,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headSize,
    intermediate_size: config.intermediate,
    hidden_act: config.activation,
    rms_norm_eps: config.epsilon,
    rope_theta: attention.rotaryTheta,
    attention_bias: attention.output.hasBias,
    mlp_bias: feedForward.down.hasBias,
    max_position_embeddings: config.maxPositions,
    vocab_size: config.vocab,
    type_vocab_size: config.typeVocab,
    pad_token_id: config.padTokenId,
  };
}

const normOf = ({ hidden, epsilon }: Settings, name: string): NormSpec => ({
  name,
  width: hidden,
  kind: "rms",
  hasBias: false,
  epsilon,
});

function layer(settings: Settings, details: Details, at: string): BlockSpec {
  const { hidden: H, intermediate: I, heads, kvHeads, headSize, activation } = settings;
  const projection = (name: string, count: number): LinearSpec => ({
    name: `${at}.self_attn.${name}_proj`,
    inputs: H,
    outputs: count * headSize,
    hasBias: details.hasAttentionBias,
    inputScale: `${at}.self_attn.input_scale`,
  });
  const { hasFeedForwardBias: hasBias } = details;
  const widening = (name: string): LinearSpec => ({
    name: `${at}.mlp.${name}_proj`,
    inputs: H,
    outputs: I,
    hasBias,
    inputScale: `${at}.mlp.input_scale`,
  });
  return {
    norms: "pre",
    attention: {
      form: "separate",
      query: projection("q", heads),
      key: projection("k", kvHeads),
      value: projection("v", kvHeads),
      output: {
        name: `${at}.self_attn.o_proj`,
        inputs: heads * headSize,
        outputs: H,
        hasBias: details.hasAttentionBias,
      },
      rotaryTheta: details.theta,
      window: null,
    },
    attentionNorm: normOf(settings, `${at}.input_layernorm`),
    feedForward: {
      form: "gated",
      activation,
      gate: widening("gate"),
      up: widening("up"),
      down: { name: `${at}.mlp.down_proj`, inputs: I, outputs: H, hasBias },
    },
    feedForwardNorm: normOf(settings, `${at}.post_attention_layernorm`),
  };
}

export const eurobert = defineFamily({
  readConfig,
  writeConfig,
  mayHavePooler: false,
  prefixes: ["model."],
  ignored: /^(lm_head\..*|dense\..*|classifier\..*|rotary_emb\..*)$/,
  wordTable: WORDS,
  layers: LAYERS,
  layerCount: SIZE_SETTINGS.layers,
});
