/** Reads the settings that the families' config.json files share, with the bounds of all families. */
import { FormatError } from "../../core/errors.ts";
import type { RecordReader } from "../../core/record.ts";

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
  const kind = rope.has("rope_type") ? rope.string("rope_type") : "default";
  if (kind !== "default") unsupported(`rope_type is "${kind}"; supported is "default"`);
  return rope.number("rope_theta", 1, 1e9);
}

/** The size of a head that rotary positions turn; its numbers are taken in pairs. */
export function checkRotary(r: RecordReader, headSize: number): void {
  if (headSize % 2 !== 0) r.fail(`the size of a head is ${headSize}, expected an even number`);
}
