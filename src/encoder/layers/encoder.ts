/**
 * A whole encoder from its description: embeddings, layers, and where the family has it a last norm.
 * A family gives the description (families/); this file turns it into tensors and into a graph.
 */
import type { Graph } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import { AttentionFrame } from "./attention-frame.ts";
import type { HeadSizes } from "./attention-frame.ts";
import { block, blockTensors } from "./block.ts";
import type { BlockSpec } from "./block.ts";
import { embed, embeddingsTensors, enterLayers, withPrompt } from "./embeddings.ts";
import type { EmbeddingsSpec } from "./embeddings.ts";
import type { EncoderInputs, EncoderOutputs, GraphForm } from "./inputs.ts";
import { norm, normTensors } from "./norm.ts";
import type { NormSpec } from "./norm.ts";
import { mixLayers } from "./rows.ts";
import { StoredWeights } from "./stored-weights.ts";
import type { TensorSpec, Weights } from "./tensor-spec.ts";

export interface EncoderSpec {
  readonly sizes: HeadSizes & { readonly hidden: number }; // H
  readonly embeddings: EmbeddingsSpec;
  readonly blocks: readonly BlockSpec[];
  /** Follows the last layer of a pre-norm encoder. */
  readonly finalNorm: NormSpec | null;
}

/** Every tensor of the encoder in the order of computation. */
export const encoderTensors = ({ embeddings, blocks, finalNorm }: EncoderSpec): TensorSpec[] => [
  ...embeddingsTensors(embeddings),
  ...blocks.flatMap(blockTensors),
  ...(finalNorm ? normTensors(finalNorm) : []),
];

/** Adds the encoder to `g`. Activations are rows between the attention products, see rows.ts. */
export function buildEncoder(
  g: Graph,
  spec: EncoderSpec,
  weights: Weights,
  given: EncoderInputs,
  form: GraphForm = {},
): EncoderOutputs {
  const w = new StoredWeights(g, weights, given, form);
  const { hidden } = spec.sizes;
  const { embedded: ofTokens, wordRows } = embed(w, spec.embeddings, given);
  const { embedded, inputs } = withPrompt(g, ofTokens, given);
  const frame = new AttentionFrame(g, spec.sizes, hidden, inputs, {
    isServed: !form.isTrained && !form.isGpu,
    isLean: w.isInt8 && !form.isTrained,
    tabledPositions: form.tabledPositions,
  });
  let x = enterLayers(w, spec.embeddings, embedded);
  const outputs = [x];
  for (const [layer, each] of spec.blocks.entries()) {
    const isLast = layer === spec.blocks.length - 1;
    x = block(w, frame, each, x, { inputs, past: inputs.past[layer]!, isLast });
    outputs.push(x);
  }
  const { layerWeights } = inputs;
  const mixed = layerWeights ? mixLayers(g, w.texts, form, inputs, layerWeights, outputs) : x;
  const answer = spec.finalNorm ? norm(w, spec.finalNorm, mixed) : mixed;
  return {
    lastHiddenState: ops.ReshapeTo(g, answer, frame.output, ["B", "Q", hidden]),
    wordRows,
    scaledInputs: w.scaledInputs,
  };
}
