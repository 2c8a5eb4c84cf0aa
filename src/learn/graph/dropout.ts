/**
 * Dropout masks. Random numbers stay outside the graph, so that a resumed run sees the same masks.
 */
import { sizeOf } from "../../core/model/shapes.ts";
import { float32 } from "../../core/model/tensor.ts";
import type { TensorOf } from "../../core/model/tensor.ts";
import type { EncoderConfig } from "../../encoder/families/architecture.ts";

/** The graph inputs that take them. */
export const PREFIX_DROPOUT = "prefix_dropout";
export const HEAD_DROPOUT = "head_dropout";

/**
 * Dims of `prefix_dropout`: one number for a row's virtual token, per layer and per key or value.
 * The reference draws one per element, 2.4 million random numbers a step at B 32 and P 16; dropping
 * whole virtual tokens regularises the same way with a few thousand.
 */
export const prefixDropoutDims = (
  { layers }: Pick<EncoderConfig, "layers">,
  batch: number,
  numVirtualTokens: number,
): readonly number[] => [2 * layers, batch, 1, numVirtualTokens, 1];

/** Dims of `head_dropout`: one number per row and channel, shared by a row's positions. */
export const headDropoutDims = (
  { hidden }: Pick<EncoderConfig, "hidden">,
  batch: number,
): readonly number[] => [batch, hidden];

/** A dropout mask: 0 with probability `rate`, else 1 / (1 - rate). `random` draws from [0, 1). */
export function dropoutMask(
  dims: readonly number[],
  rate: number,
  random: () => number,
): TensorOf<"float32"> {
  const kept = 1 / (1 - rate);
  const data = Float32Array.from({ length: sizeOf(dims) }, () => (random() < rate ? 0 : kept));
  return float32(dims, data);
}
