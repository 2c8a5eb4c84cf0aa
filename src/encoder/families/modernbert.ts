/**
 * ModernBERT (arXiv 2412.13663): pre-norm layers with LayerNorm, rotary positions, GeGLU, no token
 * types and no position table. Every few layers attention is global, in the others local, with
 * angles of their own. Query, key and value are one matrix. Reference: transformers'
 * modeling_modernbert.py.
 */
import { readRecord } from "../../core/record.ts";
import type { RecordReader } from "../../core/record.ts";
import type { BlockSpec } from "../layers/block.ts";
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
  unsupported,
} from "./settings.ts";

const WORDS = "embeddings.tok_embeddings.weight";
const LAYERS = "layers";
/** Defaults of transformers' ModernBertConfig. */
const DEFAULTS = { globalTheta: 160_000, localTheta: 10_000, localAttention: 128, globalEvery: 3 };

type Settings = Omit<EncoderConfig, "encoder">;

/** Settings that only this family has. */
interface Details {
  /** Layer 0 and every so many layers see all tokens. */
  readonly globalEvery: number;
  /** Width of the local attention: half of it to each side. */
  readonly localAttention: number;
  readonly globalTheta: number;
  readonly localTheta: number;
  readonly hasNormBias: boolean;
  readonly hasAttentionBias: boolean;
  readonly hasFeedForwardBias: boolean;
}

function readConfig(json: unknown): EncoderConfig {
  const r = readRecord(json, SUBJECT, "config-invalid");
  const sizes = readSizes(r);
  checkRotary(r, sizes.headSize);
  checkFixed(r, {
    ...ENCODER_ONLY,
    ...PLAIN_ROTARY,
    num_key_value_heads: sizes.heads,
    head_dim: sizes.headSize,
  });
  const settings = {
    ...sizes,
    modelType: "modernbert",
    typeVocab: 0,
    epsilon: r.has("norm_eps") ? r.number("norm_eps", 1e-15, 1) : 1e-5,
    activation: readActivation(r, "hidden_activation", "gelu"),
  };
  const details = {
    ...readThetas(r),
    globalEvery: readGlobalEvery(r, settings.layers),
    localAttention: readLocalAttention(r),
    hasNormBias: readFlag(r, "norm_bias"),
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
        norm: normOf(settings, details, "embeddings.norm"),
        projection: null,
      },
      blocks: Array.from({ length: settings.layers }, (_, i) => layer(settings, details, i)),
      finalNorm: normOf(settings, details, "final_norm"),
    },
  };
}

/** The width of local layers; `sliding_window` is half of it, under the name of transformers 5. */
function readLocalAttention(r: RecordReader): number {
  const width = r.has("local_attention")
    ? r.count("local_attention", 2, 65_536)
    : DEFAULTS.localAttention;
  checkFixed(r, { sliding_window: Math.floor(width / 2) });
  return width;
}

/** A record for each kind of layer (transformers 5), or two numbers (transformers 4). */
function readThetas(r: RecordReader): Pick<Details, "globalTheta" | "localTheta"> {
  if (r.has("rope_parameters")) {
    const rope = r.record("rope_parameters");
    return {
      globalTheta: readTheta(rope.record("full_attention")),
      localTheta: readTheta(rope.record("sliding_attention")),
    };
  }
  const theta = (field: string, fallback: number): number =>
    r.has(field) ? r.number(field, 1, 1e9) : fallback;
  const globalTheta = theta("global_rope_theta", DEFAULTS.globalTheta);
  // null, unlike an absent field, is the angle of the global layers.
  const isShared = r.raw("local_rope_theta") === null;
  const localTheta = isShared ? globalTheta : theta("local_rope_theta", DEFAULTS.localTheta);
  return { globalTheta, localTheta };
}

/** `layer_types` must repeat every so many layers, which is what all published checkpoints do. */
function readGlobalEvery(r: RecordReader, layers: number): number {
  const every = r.has("global_attn_every_n_layers")
    ? r.count("global_attn_every_n_layers", 1, 96)
    : DEFAULTS.globalEvery;
  if (!r.has("layer_types")) return every;
  const types = r.list("layer_types", 96, String);
  const expected = Array.from({ length: layers }, (_, i) =>
    i % every === 0 ? "full_attention" : "sliding_attention",
  );
  if (types.join() !== expected.join()) {
    unsupported(
      `layer_types is ${types.join(", ")}; supported is full_attention every ${every} layers: ${expected.join(", ")}`,
    );
  }
  return every;
}

function writeConfig(config: EncoderConfig): Configuration {
  const { blocks, embeddings } = config.encoder;
  const { attention, feedForward } = blocks[0]!;
  const secondGlobal = blocks.findIndex((block, i) => i > 0 && block.attention.window === null);
  const local = blocks.find((block) => block.attention.window !== null)?.attention;
  return {
    model_type: config.modelType,
    num_hidden_layers: config.layers,
    hidden_size: config.hidden,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headSize,
    intermediate_size: config.intermediate,
    hidden_activation: config.activation,
    norm_eps: config.epsilon,
    norm_bias: embeddings.norm!.hasBias,
    attention_bias: attention.output.hasBias,
    mlp_bias: feedForward.down.hasBias,
    global_attn_every_n_layers: secondGlobal > 0 ? secondGlobal : config.layers,
    local_attention: 2 * (local?.window ?? DEFAULTS.localAttention / 2),
    global_rope_theta: attention.rotaryTheta,
    local_rope_theta: local?.rotaryTheta ?? DEFAULTS.localTheta,
    max_position_embeddings: config.maxPositions,
    vocab_size: config.vocab,
    type_vocab_size: config.typeVocab,
    pad_token_id: config.padTokenId,
  };
}

const normOf = (
  { hidden, epsilon }: Settings,
  { hasNormBias }: Details,
  name: string,
): NormSpec => ({ name, width: hidden, kind: "layer", hasBias: hasNormBias, epsilon });

function layer(settings: Settings, details: Details, index: number): BlockSpec {
  const { hidden: H, intermediate: I, activation } = settings;
  const { hasAttentionBias, hasFeedForwardBias } = details;
  const at = `${LAYERS}.${index}`;
  const isGlobal = index % details.globalEvery === 0;
  return {
    norms: "pre",
    attention: {
      form: "joined",
      all: {
        name: `${at}.attn.Wqkv`,
        inputs: H,
        outputs: 3 * H,
        hasBias: hasAttentionBias,
        inputScale: `${at}.attn.input_scale`,
      },
      output: { name: `${at}.attn.Wo`, inputs: H, outputs: H, hasBias: hasAttentionBias },
      rotaryTheta: isGlobal ? details.globalTheta : details.localTheta,
      window: isGlobal ? null : Math.floor(details.localAttention / 2),
    },
    // The embeddings' norm is the norm of the first layer.
    attentionNorm: index === 0 ? null : normOf(settings, details, `${at}.attn_norm`),
    feedForward: {
      form: "joined",
      activation,
      up: {
        name: `${at}.mlp.Wi`,
        inputs: H,
        outputs: 2 * I,
        hasBias: hasFeedForwardBias,
        inputScale: `${at}.mlp.input_scale`,
      },
      down: { name: `${at}.mlp.Wo`, inputs: I, outputs: H, hasBias: hasFeedForwardBias },
    },
    feedForwardNorm: normOf(settings, details, `${at}.mlp_norm`),
  };
}

export const modernbert = defineFamily({
  readConfig,
  writeConfig,
  mayHavePooler: false,
  prefixes: ["model."],
  ignored: /^(head\..*|decoder\..*|classifier\..*)$/,
  wordTable: WORDS,
  layers: LAYERS,
  layerCount: SIZE_SETTINGS.layers,
});
