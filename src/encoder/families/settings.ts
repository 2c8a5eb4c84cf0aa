/** Reads the settings that the families' config.json files share, with the bounds of all families. */
import { FormatError } from "../../core/errors.ts";
import type { RecordReader } from "../../core/record.ts";
import { checkActivation } from "../../graph/ops.ts";
import type { Activation } from "../../graph/ops.ts";

export const SUBJECT = "config.json";

/** Throws `architecture-unsupported`: the file asks for something that the graph does not implement. */
export function unsupported(what: string): never {
  throw new FormatError("architecture-unsupported", `${SUBJECT}: ${what}`);
}

/** What most families call their sizes. */
export const SIZE_SETTINGS = {
  layers: "num_hidden_layers",
  hidden: "hidden_size",
  heads: "num_attention_heads",
  intermediate: "intermediate_size",
};

/**
 * Counts of layers, heads, widths and words; a head's size follows from the width and the heads.
 * `at` are the family's names, `padTokenId` holds where config.json has none.
 */
export function readSizes(r: RecordReader, at = SIZE_SETTINGS, padTokenId = 0) {
  const hidden = r.count(at.hidden, 1, 8192);
  const heads = r.count(at.heads, 1, 512);
  if (hidden % heads !== 0) {
    r.fail(`${at.hidden} ${hidden} does not divide into ${at.heads} ${heads}`);
  }
  const vocab = r.count("vocab_size", 1, 2_000_000);
  return {
    layers: r.count(at.layers, 1, 96),
    hidden,
    heads,
    kvHeads: heads,
    headSize: hidden / heads,
    intermediate: r.count(at.intermediate, 1, 65_536),
    vocab,
    maxPositions: r.count("max_position_embeddings", 3, 65_536),
    firstPosition: 0,
    padTokenId: r.has("pad_token_id") ? r.count("pad_token_id", 0, vocab - 1) : padTokenId,
  };
}

/**
 * Settings that change the mathematics and have one value here, with that value: anything else is an
 * error. An absent field and null stand for the value of transformers' configuration class.
 */
export function checkFixed(
  r: RecordReader,
  fixed: Readonly<Record<string, string | number | boolean | null>>,
): void {
  for (const [field, only] of Object.entries(fixed)) {
    const found = r.raw(field) ?? null;
    if (found === null || found === only) continue;
    const value = JSON.stringify(found).slice(0, 80);
    unsupported(`${field} is ${value}; supported is ${JSON.stringify(only)}`);
  }
}

/** What every encoder of these families is: it reads both ways, with all of its heads. */
export const ENCODER_ONLY = {
  is_decoder: false,
  add_cross_attention: false,
  is_encoder_decoder: false,
};

/** The activation that a setting names, `fallback` where it is absent. Throws `activation-unsupported`. */
export const readActivation = (r: RecordReader, field: string, fallback: Activation): Activation =>
  checkActivation(SUBJECT, field, r.has(field) ? r.string(field) : fallback);

/** Of rotary positions: angles that are neither scaled nor left out for a part of each head. */
export const PLAIN_ROTARY = { rope_scaling: null, partial_rotary_factor: 1 };

/** true, false, or false where the field is absent. */
export function readFlag(r: RecordReader, field: string): boolean {
  const found = r.raw(field) ?? false;
  return typeof found === "boolean" ? found : r.fail(`"${field}" is not true or false`);
}

/**
 * Base of the angles of rotary positions, of the record `rope_parameters` (transformers 5). Other
 * kinds than "default" scale the angles for long texts.
 */
export function readTheta(rope: RecordReader): number {
  checkFixed(rope, { rope_type: "default", type: "default", partial_rotary_factor: 1 });
  return rope.number("rope_theta", 1, 1e9);
}

/** The size of a head that rotary positions turn; its numbers are taken in pairs. */
export function checkRotary(r: RecordReader, headSize: number): void {
  if (headSize % 2 !== 0) r.fail(`the size of a head is ${headSize}, expected an even number`);
}
