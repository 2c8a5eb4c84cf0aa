/** How much memory the kernels need for an encoder, worked out from its settings alone. */
import type { EncoderConfig } from "../../encoder/families/architecture.ts";
import { deltaSpecs } from "../../encoder/forms/deltas.ts";
import { architectureOf } from "../../encoder/families/families.ts";
import { frameBytes } from "./frame.ts";
import { PlaceCount } from "./heap.ts";
import { layOut } from "./layout.ts";

export interface KernelMemory {
  /** Of everything but the tables of embeddings. */
  readonly layers: number;
  /** Of the word table, and of the tables of positions and types. */
  readonly words: number;
  readonly otherTables: number;
  /** Of a run of one text with a prefix and deltas, all of its positions answered. */
  readonly run: number;
}

/** Bytes for `tokens` tokens and `virtualTokens` virtual ones; compact tables have 4 and 8 bits. */
export function kernelMemory(
  config: EncoderConfig,
  isCompact: boolean,
  tokens: number,
  virtualTokens: number,
): KernelMemory {
  const architecture = architectureOf({ model_type: config.modelType });
  const count = new PlaceCount();
  const { shape } = layOut(config, deltaSpecs(architecture, config), count);
  const { width, words, positions, types } = config.encoder.embeddings;
  return {
    layers: count.bytes,
    words: words.rows * width * (isCompact ? 0.5 : 1),
    otherTables:
      (positions?.rows ?? 0) * width * (isCompact ? 1 : 4) + (types?.rows ?? 0) * width * 4,
    run: frameBytes(shape, tokens, virtualTokens),
  };
}
