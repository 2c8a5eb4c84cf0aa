/** Encoders small enough to be run in float64 by the reference evaluator, with seeded weights. */
import type { Architecture, EncoderConfig } from "../../src/encoder/families/architecture.ts";
import { architectureOf } from "../../src/encoder/families/families.ts";
import type { Weights } from "../../src/encoder/layers/tensor-spec.ts";
import { sizeOf } from "../../src/core/model/shapes.ts";
import { float32 } from "../../src/core/model/tensor.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";

export interface TinyEncoder {
  readonly architecture: Architecture;
  readonly config: EncoderConfig;
  readonly weights: Weights;
  readonly pooler: Weights;
}

/** A BERT: 2 layers, H 8, N 2, D 4, feed-forward 12, V 11. */
export const tinyEncoder = (random: () => number, hiddenAct = "gelu"): TinyEncoder =>
  encoderOf(
    {
      model_type: "bert",
      hidden_size: 8,
      num_attention_heads: 2,
      num_hidden_layers: 2,
      intermediate_size: 12,
      vocab_size: 11,
      type_vocab_size: 2,
      max_position_embeddings: 16,
      layer_norm_eps: 1e-6,
      hidden_act: hiddenAct,
    },
    random,
  );

/** An encoder of any family; weights as a base's shards hold them. */
export function encoderOf(
  json: Readonly<Record<string, unknown>>,
  random: () => number,
): TinyEncoder {
  const architecture = architectureOf(json);
  const config = architecture.readConfig(json);
  const weights = new Map<string, Tensor>();
  const pooler = new Map<string, Tensor>();
  for (const { name, dims, kind } of architecture.tensors(config)) {
    // Linears are stored transposed; random numbers need no transposing.
    const stored = kind === "linear" ? dims.toReversed() : dims;
    const data = Float32Array.from({ length: sizeOf(dims) }, () => 1.2 * (random() - 0.5));
    (kind === "pooler" ? pooler : weights).set(name, float32(stored, data));
  }
  return { architecture, config, weights, pooler };
}
