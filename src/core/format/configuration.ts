/**
 * The configuration of a base: the values that change what its encoder computes, under the names that
 * Hugging Face's config.json gives them. The identity of a base covers all of them, so the record has
 * nothing else: no paths, no versions, no dropout rates.
 *
 * The fields below are what every part of the project needs. Fields that only the base's family
 * understands, such as the activation, are kept as they are and read in encoder/families.
 */
import { describe } from "../record.ts";
import type { RecordReader } from "../record.ts";

export type ConfigurationValue = string | number | boolean | null;

/** All counts are of the checkpoint after shrinking. */
export interface BaseConfiguration {
  readonly model_type: string;
  readonly num_hidden_layers: number; // L
  readonly hidden_size: number; // H
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number; // N of the prefix
  readonly head_dim: number; // D
  readonly vocab_size: number; // V
  readonly type_vocab_size: number;
  readonly max_position_embeddings: number;
  /** Position id of the first token (0 for BERT). Our own name: Hugging Face has it in code. */
  readonly first_position: number;
  readonly pad_token_id: number;
  /** Width of the input `bias_deltas`; 0 where the encoder takes none. Our own name. */
  readonly num_bias_deltas: number;
  readonly [setting: string]: ConfigurationValue;
}

/** Generous bounds: beyond any encoder that fits an isolate, small enough to catch nonsense. */
const MAX_LAYERS = 96;
const MAX_HIDDEN = 8192;
const MAX_VOCAB = 2_000_000;
const MAX_POSITIONS = 65_536;
const MAX_BIAS_DELTAS = 10_000_000;
const MAX_SETTINGS = 64;
const MAX_TEXT = 200;
/** An empty text with its two special tokens, and one token of text. */
const MIN_LENGTH = 3;
const SETTING = /^[a-z][a-z0-9_]{0,63}$/;

/** Reads the record `configuration` of a base's manifest; throws with the reader's code. */
export function readConfiguration(r: RecordReader): BaseConfiguration {
  const names = r.fields();
  if (names.length > MAX_SETTINGS) {
    r.fail(`has ${names.length} settings, allowed are ${MAX_SETTINGS}`);
  }
  const settings = Object.fromEntries(names.map((name) => [name, readSetting(r, name)]));
  const vocabSize = r.count("vocab_size", 1, MAX_VOCAB);
  const firstPosition = r.count("first_position", 0, 1024);
  return {
    ...settings,
    model_type: r.string("model_type"),
    num_hidden_layers: r.count("num_hidden_layers", 1, MAX_LAYERS),
    hidden_size: r.count("hidden_size", 1, MAX_HIDDEN),
    num_attention_heads: r.count("num_attention_heads", 1, MAX_HIDDEN),
    num_key_value_heads: r.count("num_key_value_heads", 1, MAX_HIDDEN),
    head_dim: r.count("head_dim", 1, MAX_HIDDEN),
    vocab_size: vocabSize,
    type_vocab_size: r.count("type_vocab_size", 0, 1024),
    max_position_embeddings: r.count(
      "max_position_embeddings",
      firstPosition + MIN_LENGTH,
      MAX_POSITIONS,
    ),
    first_position: firstPosition,
    // Rows are padded with it: an id beyond the word table would fail every mixed batch.
    pad_token_id: r.count("pad_token_id", 0, vocabSize - 1),
    num_bias_deltas: r.count("num_bias_deltas", 0, MAX_BIAS_DELTAS),
  };
}

function readSetting(r: RecordReader, name: string): ConfigurationValue {
  const value = r.raw(name);
  if (!SETTING.test(name)) return r.fail(`the setting ${describe(name)} is not allowed`);
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "string" && value.length <= MAX_TEXT) return value;
  return r.fail(`"${name}" is ${describe(value)}, expected a short text, a number, true or false`);
}

/** Longest input in tokens, special tokens included, when position_offset is 0. */
export const maxLengthOf = (
  configuration: Pick<BaseConfiguration, "max_position_embeddings" | "first_position">,
): number => configuration.max_position_embeddings - configuration.first_position;
