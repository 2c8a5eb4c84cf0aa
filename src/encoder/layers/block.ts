/**
 * One layer of an encoder: attention and a feed-forward block, each with a residual and a norm.
 *   post-norm (BERT)          x = norm(x + attention(x))     x = norm(x + feedForward(x))
 *   pre-norm (ModernBERT)     x = x + attention(norm(x))     x = x + feedForward(norm(x))
 *
 * The last layer answers only for the first Q positions of each text: its keys and values need all
 * tokens, everything else does not.
 */
import type { Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import { attention, attentionInputScale, attentionTensors } from "./attention.ts";
import type { AttentionSpec } from "./attention.ts";
import type { AttentionFrame } from "./attention-frame.ts";
import { feedForward, feedForwardTensors } from "./feed-forward.ts";
import type { FeedForwardSpec } from "./feed-forward.ts";
import type { EncoderInputs, PastPair } from "./inputs.ts";
import { norm, normTensors } from "./norm.ts";
import type { NormSpec } from "./norm.ts";
import type { StoredWeights } from "./stored-weights.ts";
import type { TensorSpec } from "./tensor-spec.ts";

export interface BlockSpec {
  /** Where the norms stand: behind each residual sum, or before attention and feed-forward. */
  readonly norms: "post" | "pre";
  readonly attention: AttentionSpec;
  /** null in a pre-norm layer whose input is already normed. */
  readonly attentionNorm: NormSpec | null;
  readonly feedForward: FeedForwardSpec;
  readonly feedForwardNorm: NormSpec;
}

/** The tensors of a layer in the order of computation. */
export function blockTensors(spec: BlockSpec): TensorSpec[] {
  const ofAttention = attentionTensors(spec.attention);
  const ofNorm = spec.attentionNorm ? normTensors(spec.attentionNorm) : [];
  const ofFeedForward = feedForwardTensors(spec.feedForward);
  const ofSecondNorm = normTensors(spec.feedForwardNorm);
  return spec.norms === "post"
    ? [...ofAttention, ...ofNorm, ...ofFeedForward, ...ofSecondNorm]
    : [...ofNorm, ...ofAttention, ...ofSecondNorm, ...ofFeedForward];
}

export interface BlockCall {
  readonly inputs: EncoderInputs;
  readonly past: PastPair;
  readonly isLast: boolean;
}

/** x [B*T, H] -> [B*T, H], [B*Q, H] in the last layer. */
export function block(
  w: StoredWeights,
  frame: AttentionFrame,
  spec: BlockSpec,
  x: Value,
  call: BlockCall,
): Value {
  const { g } = w;
  const { attentionNorm, feedForwardNorm } = spec;
  const { inputs, past, isLast } = call;
  const isPre = spec.norms === "pre";
  const normed = isPre && attentionNorm ? norm(w, attentionNorm, x) : x;
  const keyRows = w.rows(normed, { inputScale: attentionInputScale(spec.attention) }); // [B*T, H]
  const queryRows = isLast ? w.firstPositions(keyRows, inputs) : keyRows; // [B*Q, H]
  const attended = attention(w, frame, spec.attention, {
    inputs,
    keyRows,
    queryRows,
    past,
    isLast,
  });
  if (isPre) {
    const residual = isLast ? w.firstPositions({ x }, inputs).x : x;
    const sum = ops.Add(g, residual, attended);
    return ops.Add(g, sum, feedForward(w, spec.feedForward, norm(w, feedForwardNorm, sum)));
  }
  const sum = ops.Add(g, attended, queryRows.x);
  const middle = attentionNorm ? norm(w, attentionNorm, sum) : sum;
  const widened = feedForward(w, spec.feedForward, middle);
  return norm(w, feedForwardNorm, ops.Add(g, widened, middle));
}
