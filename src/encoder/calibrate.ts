/**
 * Input scales for an int8 base. LayerNorm leaves a few channels ten times larger than the rest;
 * with one 8-bit scale per row the other channels would lose their precision. Such channels are
 * divided before quantizing, and the rows of the weights are multiplied instead (SmoothQuant, arXiv
 * 2211.10438): hidden states of MiniLM-L6 go from cosine .9978 to .9990 of float32.
 *
 * The size of the channels is measured on random tokens. The same channels are large for every
 * text, so no tokenizer and no data is needed, and a checkpoint always gives the same base.
 */
import { buildEncoder } from "./layers/encoder.ts";
import {
  ATTENTION_MASK,
  INPUT_IDS,
  POSITION_IDS,
  QUERY_LENGTH,
  TOKEN_TYPE_IDS,
  pastKey,
  pastValue,
} from "../core/model/shapes.ts";
import { float32, int64 } from "../core/model/tensor.ts";
import type { TensorOf } from "../core/model/tensor.ts";
import type { Feeds, GraphFiles, Session } from "../engine/session.ts";
import { Graph } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { packGraph } from "../graph/encoding/pack.ts";
import type { Architecture, EncoderConfig } from "./families/architecture.ts";
import type { TensorSpec, Weights } from "./layers/tensor-spec.ts";
import { encoderInputs } from "./forms/inputs.ts";

export type OpenSession = (files: GraphFiles) => Promise<Session>;

const BATCH = 16;
const TOKENS = 32;
/** Share of the imbalance that moves from the activations to the weights; the best of .3 to .9. */
const SHARE = 0.65;

/** Largest magnitude per input channel [in] of the rows that carry an input scale, by its name. */
async function measureRanges(
  architecture: Architecture,
  config: EncoderConfig,
  weights: Weights,
  openSession: OpenSession,
): Promise<Map<string, Float32Array>> {
  const graph = new Graph();
  const inputs = encoderInputs(graph, config);
  const { scaledInputs } = buildEncoder(graph, config.encoder, weights, inputs);
  for (const [name, x] of scaledInputs) {
    graph.output(ops.ReduceMax(graph, ops.Abs(graph, x), { axes: [0], keepdims: false }), name);
  }
  const session = await openSession(packGraph(graph));
  try {
    const found = await session.run(randomFeeds(config));
    return new Map(
      [...scaledInputs.keys()].map((name) => [name, found[name]!.data as Float32Array]),
    );
  } finally {
    await session.release();
  }
}

/**
 * The scale [in] of every group of linears that can have one: a power of two, so that scaling is
 * exact and last-bit differences between machines do not show. `weights` are float, [in, out].
 */
export async function inputScales(
  architecture: Architecture,
  config: EncoderConfig,
  weights: Weights,
  openSession: OpenSession,
): Promise<Map<string, TensorOf<"float32">>> {
  const ranges = await measureRanges(architecture, config, weights, openSession);
  const readers = Map.groupBy(
    architecture.tensors(config).filter((spec) => spec.inputScale !== undefined),
    (spec) => spec.inputScale!,
  );
  return new Map(
    [...readers].map(([name, specs]) => [name, scaleFor(ranges.get(name)!, specs, weights)]),
  );
}

/** scale[c] = 2^round(log2(weight[c]^(1-SHARE) / range[c]^SHARE)), around 1 on average. */
function scaleFor(
  range: Float32Array,
  specs: readonly TensorSpec[],
  weights: Weights,
): TensorOf<"float32"> {
  const largest = new Float32Array(range.length);
  for (const { name } of specs) {
    const { dims, data } = weights.get(name) as TensorOf<"float32">;
    const columns = dims[1]!;
    for (let i = 0; i < data.length; i++) {
      const c = Math.floor(i / columns);
      largest[c] = Math.max(largest[c]!, Math.abs(data[i]!));
    }
  }
  // A channel that is always 0, or that nothing reads, keeps the scale 1.
  const logs = Array.from(range, (magnitude, c) =>
    magnitude > 0 && largest[c]! > 0
      ? (1 - SHARE) * Math.log2(largest[c]!) - SHARE * Math.log2(magnitude)
      : null,
  );
  const known = logs.filter((log) => log !== null);
  const mean = known.reduce((sum, log) => sum + log, 0) / Math.max(known.length, 1);
  const scale = Float32Array.from(logs, (log) => (log === null ? 1 : 2 ** Math.round(log - mean)));
  return float32([range.length], scale);
}

/** A batch of random tokens without prefixes. */
function randomFeeds(config: EncoderConfig): Feeds {
  const tokens = Math.min(TOKENS, config.maxPositions - config.firstPosition);
  const count = BATCH * tokens;
  // Knuth's multiplicative hash of 1, 2, 3, ..: spread over the vocabulary and always the same.
  const ids = Array.from(
    { length: count },
    (_, i) => (Math.imul(i + 1, 2654435761) >>> 0) % config.vocab,
  );
  const positions = Array.from({ length: count }, (_, i) => config.firstPosition + (i % tokens));
  const dims = [BATCH, tokens];
  const empty = float32([BATCH, config.kvHeads, 0, config.headSize], new Float32Array(0));
  const feeds: Feeds = {
    [INPUT_IDS]: int64(dims, ids),
    [ATTENTION_MASK]: int64(dims, new Uint8Array(count).fill(1)),
    [TOKEN_TYPE_IDS]: int64(dims, new Uint8Array(count)),
    [POSITION_IDS]: int64(dims, positions),
    [QUERY_LENGTH]: int64([1], [tokens]),
  };
  for (let layer = 0; layer < config.layers; layer++) {
    feeds[pastKey(layer)] = empty;
    feeds[pastValue(layer)] = empty;
  }
  return feeds;
}
