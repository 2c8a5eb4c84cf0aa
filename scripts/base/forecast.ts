/**
 * What a base will take of a Worker's isolate, worked out from its settings. `bench memory --shapes`
 * measures the same: the wasm memory is off by less than 3 %, JavaScript by less than 3 MB.
 */
import type { EncoderConfig } from "../../src/encoder/families/architecture.ts";
import type { TableForm } from "../../src/encoder/quantize-weights.ts";
import { kernelMemory } from "../../src/engine/simd/memory.ts";

/** An isolate's memory, JavaScript and wasm together. */
export const ISOLATE_BYTES = 128_000_000;
/** The Worker's own bound of its wasm memory: MAX_HEAP_BYTES in docs/settings.md. */
const HEAP_BYTES = 110_000_000;
/** The Worker and V8 without a vocabulary, with what a request leaves behind. */
const WORKER_BYTES = 6_000_000;
/** JavaScript of a tokenizer for each of its tokens. */
const BYTES_PER_WORD = 42;
/** The longest text that is forecast. */
const TOKENS = 512;
const VIRTUAL_TOKENS = 16;

export interface Forecast {
  /** Weights in the wasm memory. */
  readonly weights: number;
  /** Arrays of a run of one text of 512 tokens, or of the longest that the base reads. */
  readonly run: number;
  readonly javascript: number;
  readonly peak: number;
  readonly fits: boolean;
}

/** The forecast for a base of 8-bit weights on our own kernels. */
export function forecastOf(config: EncoderConfig, tables: TableForm): Forecast {
  const tokens = Math.min(TOKENS, config.maxPositions - config.firstPosition);
  const memory = kernelMemory(config, tables === "compact", tokens, VIRTUAL_TOKENS);
  const weights = memory.layers + memory.words + memory.otherTables;
  const javascript = WORKER_BYTES + BYTES_PER_WORD * config.vocab;
  const peak = weights + memory.run + javascript;
  const fits = peak <= ISOLATE_BYTES && weights + memory.run <= HEAP_BYTES;
  return { weights, run: memory.run, javascript, peak, fits };
}

/** Compact tables where the int8 ones do not fit and compact ones do, or are at least nearer to it. */
export const tablesThatFit = (config: EncoderConfig): TableForm =>
  forecastOf(config, "int8").fits || !mayBeCompact(config) ? "int8" : "compact";

/** Two values of 4 bits make a byte, so rows must have an even width. */
export const mayBeCompact = ({ encoder }: EncoderConfig): boolean =>
  encoder.embeddings.width % 2 === 0;

/** What would make a base fit, in a sentence; null where nothing here would. */
export function remedyFor(config: EncoderConfig, tables: TableForm): string | null {
  const isSmaller = tables === "int8" && mayBeCompact(config);
  if (isSmaller && forecastOf(config, "compact").fits) {
    return "import it with --tables compact (words in 4 bits)";
  }
  const form = isSmaller ? "compact" : tables;
  const words = wordsThatFit(config, form);
  if (words === 0) return null;
  return `cut its vocabulary of ${config.vocab} words to ${words} with shrink --vocab-size${form === tables ? "" : ", and import it with --tables compact"}`;
}

/** The largest whole thousand of words that fits; 0 where not even a thousand does. */
function wordsThatFit(config: EncoderConfig, tables: TableForm): number {
  const isFitting = (vocab: number): boolean => {
    const { embeddings } = config.encoder;
    const words = { ...embeddings.words, rows: vocab };
    const encoder = { ...config.encoder, embeddings: { ...embeddings, words } };
    return forecastOf({ ...config, vocab, encoder }, tables).fits;
  };
  for (let vocab = Math.floor(config.vocab / 1000) * 1000; vocab > 0; vocab -= 1000) {
    if (isFitting(vocab)) return vocab;
  }
  return 0;
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

/** The forecast as a line for people. */
export const forecastLine = ({ weights, run, javascript, peak, fits }: Forecast): string =>
  `expected peak in an isolate of ${mb(ISOLATE_BYTES)}: ${mb(peak)} (weights ${mb(weights)}, a text of ${TOKENS} tokens ${mb(run)}, JavaScript ${mb(javascript)})${fits ? "" : ": it does not fit"}`;
