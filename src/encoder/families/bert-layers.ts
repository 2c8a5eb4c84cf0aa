/**
 * What BERT and its relatives have in common: word, position and, where there are any, type
 * embeddings, then post-norm layers of self-attention and a feed-forward block. A relative's file
 * says where it differs.
 */
import { readRecord } from "../../core/record.ts";
import type { BlockSpec } from "../layers/block.ts";
import type { EncoderSpec } from "../layers/encoder.ts";
import type { LinearSpec } from "../layers/linear.ts";
import type { NormSpec } from "../layers/norm.ts";
import { defineFamily } from "./architecture.ts";
import type { Architecture, Configuration, EncoderConfig, Family } from "./architecture.ts";
import {
  ENCODER_ONLY,
  SIZE_SETTINGS,
  SUBJECT,
  checkFixed,
  readActivation,
  readSizes,
} from "./settings.ts";

const EMBEDDINGS = "embeddings";
const WORDS = `${EMBEDDINGS}.word_embeddings.weight`;

/** BERT's names of what config.json may call otherwise. */
const SETTINGS = { ...SIZE_SETTINGS, activation: "hidden_act" };

/** BERT's names of the list of layers, and of what a layer consists of. */
const TENSORS = {
  layers: "encoder.layer",
  query: "attention.self.query",
  key: "attention.self.key",
  value: "attention.self.value",
  attended: "attention.output.dense",
  attentionNorm: "attention.output.LayerNorm",
  up: "intermediate.dense",
  down: "output.dense",
  feedForwardNorm: "output.LayerNorm",
};

/** What may differ from one relative to the other. */
interface Member extends Pick<Family, "prefixes" | "ignored" | "mayHavePooler"> {
  readonly modelType: string;
  readonly settings: typeof SETTINGS;
  readonly tensors: typeof TENSORS;
  readonly hasTypes: boolean;
  /** Of the norms, null where it is a setting. */
  readonly epsilon: number | null;
  /** Id of padding where config.json does not say it. */
  readonly padTokenId: number;
  /** Whether the first token stands at the position behind the id of padding, instead of at 0. */
  readonly countsFromPadding: boolean;
  /**
   * The linear between embeddings as wide as `embedding_size` says and layers of another width.
   * Without it embeddings are as wide as the layers.
   */
  readonly embeddingProjection: string | null;
}

/** What holds where a relative says nothing. */
const BERT = {
  settings: SETTINGS,
  tensors: TENSORS,
  mayHavePooler: true,
  hasTypes: true,
  epsilon: null,
  padTokenId: 0,
  countsFromPadding: false,
  embeddingProjection: null,
} satisfies Partial<Member>;

type Relative = Omit<Member, keyof typeof BERT> & Partial<Member>;

export function bertLike(relative: Relative): Architecture {
  const member: Member = { ...BERT, ...relative };
  const { mayHavePooler, prefixes, ignored, tensors } = member;
  return defineFamily({
    readConfig: (json) => readConfig(json, member),
    writeConfig: (config) => writeConfig(config, member),
    mayHavePooler,
    prefixes,
    ignored,
    wordTable: WORDS,
    layers: tensors.layers,
    layerCount: member.settings.layers,
  });
}

type Settings = Omit<EncoderConfig, "encoder">;

function readConfig(json: unknown, member: Member): EncoderConfig {
  const r = readRecord(json, SUBJECT, "config-invalid");
  const { settings: names } = member;
  const sizes = readSizes(r, names, member.padTokenId);
  checkFixed(r, {
    ...ENCODER_ONLY,
    position_embedding_type: "absolute",
    num_key_value_heads: sizes.heads,
    head_dim: sizes.headSize,
  });
  const settings = {
    ...sizes,
    modelType: member.modelType,
    firstPosition: member.countsFromPadding ? sizes.padTokenId + 1 : 0,
    typeVocab: member.hasTypes ? r.count("type_vocab_size", 1, 1024) : 0,
    epsilon: member.epsilon ?? (r.has(EPSILON) ? r.number(EPSILON, 1e-15, 1) : 1e-12),
    activation: readActivation(r, names.activation, "gelu"),
  };
  const width =
    member.embeddingProjection !== null && r.has("embedding_size")
      ? r.count("embedding_size", 1, 8192)
      : sizes.hidden;
  return { ...settings, encoder: describe(settings, member, width) };
}

const EPSILON = "layer_norm_eps";

/** Sizes under the names that all bases have, and under the family's own where those differ. */
function writeConfig(config: EncoderConfig, member: Member): Configuration {
  const { settings: names } = member;
  const sizes = (at: typeof SIZE_SETTINGS): Configuration => ({
    [at.layers]: config.layers,
    [at.hidden]: config.hidden,
    [at.heads]: config.heads,
    [at.intermediate]: config.intermediate,
  });
  return {
    model_type: config.modelType,
    ...sizes(names),
    ...sizes(SIZE_SETTINGS),
    ...(member.embeddingProjection !== null && {
      embedding_size: config.encoder.embeddings.width,
    }),
    num_key_value_heads: config.kvHeads,
    head_dim: config.headSize,
    [names.activation]: config.activation,
    ...(member.epsilon === null && { [EPSILON]: config.epsilon }),
    position_embedding_type: "absolute",
    max_position_embeddings: config.maxPositions,
    vocab_size: config.vocab,
    type_vocab_size: config.typeVocab,
    pad_token_id: config.padTokenId,
  };
}

function describe(
  settings: Settings,
  { embeddingProjection, tensors }: Member,
  width: number,
): EncoderSpec {
  const { hidden, vocab, maxPositions, typeVocab } = settings;
  const table = (name: string, rows: number) => ({ name: `${EMBEDDINGS}.${name}.weight`, rows });
  return {
    sizes: settings,
    embeddings: {
      width,
      words: { name: WORDS, rows: vocab },
      positions: table("position_embeddings", maxPositions),
      types: typeVocab > 0 ? table("token_type_embeddings", typeVocab) : null,
      norm: normOf(settings, `${EMBEDDINGS}.LayerNorm`, width),
      projection:
        embeddingProjection === null || width === hidden
          ? null
          : { name: embeddingProjection, inputs: width, outputs: hidden, hasBias: true },
    },
    blocks: Array.from({ length: settings.layers }, (_, i) =>
      layer(settings, tensors, `${tensors.layers}.${i}`),
    ),
    finalNorm: null,
  };
}

const normOf = ({ epsilon }: Settings, name: string, width: number): NormSpec => ({
  name,
  width,
  kind: "layer",
  hasBias: true,
  epsilon,
});

function layer(settings: Settings, names: typeof TENSORS, at: string): BlockSpec {
  const { hidden: H, intermediate: I, activation } = settings;
  const linear = (name: string, inputs: number, outputs: number, scaled?: string): LinearSpec => ({
    name: `${at}.${name}`,
    inputs,
    outputs,
    hasBias: true,
    ...(scaled !== undefined && { inputScale: `${at}.${scaled}.input_scale` }),
  });
  // What query, key and value have in common: "attention.self" of "attention.self.query".
  const attention = names.query.slice(0, names.query.lastIndexOf("."));
  const projection = (name: string): LinearSpec => linear(name, H, H, attention);
  return {
    norms: "post",
    attention: {
      form: "separate",
      query: projection(names.query),
      key: projection(names.key),
      value: projection(names.value),
      output: linear(names.attended, H, H),
      rotaryTheta: null,
      window: null,
    },
    attentionNorm: normOf(settings, `${at}.${names.attentionNorm}`, H),
    feedForward: {
      form: "plain",
      activation,
      up: linear(names.up, H, I, names.up),
      down: linear(names.down, I, H),
    },
    feedForwardNorm: normOf(settings, `${at}.${names.feedForwardNorm}`, H),
  };
}
