/**
 * Prefixes: PEFT's file layout, and the per-layer keys and values that an encoder reads. Deltas of
 * biases and low-rank changes of linears, which a task may have beside or instead of virtual tokens,
 * travel with them.
 *
 * On disk (PEFT, P-Tuning v2): `prompt_embeddings` [P, 2*L*N*D], viewed as [P, 2L, N, D]; even
 * index = key, odd = value of each layer. In memory: per layer [N, P, D], ready to be fed.
 */
import { FormatError } from "../errors.ts";
import type { LowRank } from "./low-rank.ts";
import { PROMPT_EMBEDDINGS, checkDims } from "./shapes.ts";

/** The sizes that a prefix shares with its base. */
export interface PrefixShape {
  readonly num_hidden_layers: number; // L
  readonly num_key_value_heads: number; // N
  readonly head_dim: number; // D
  /** W, the numbers that `bias_deltas` has a row; 0 for a base whose graph has no such input. */
  readonly num_bias_deltas: number;
}

/** Changes of the encoder's vectors, and what each layer contributes to the answer. */
export interface Deltas {
  readonly biasDeltas: Float32Array; // [W]
  readonly layerWeights: Float32Array; // [L+1]
}

/** What a task puts into the encoder: for every layer, keys and values [N, P, D]; changes of it. */
export interface Prefix {
  readonly numVirtualTokens: number; // P
  readonly layers: readonly { readonly key: Float32Array; readonly value: Float32Array }[];
  /** null leaves the encoder's own vectors, and answers from the last layer. */
  readonly deltas: Deltas | null;
  /** null leaves the encoder's linears as they are. */
  readonly lowRank: LowRank | null;
}

/** No prefix at all: what a linear task and plain embedding use. */
export function emptyPrefix(shape: PrefixShape): Prefix {
  const empty = new Float32Array(0);
  return {
    numVirtualTokens: 0,
    layers: Array.from({ length: shape.num_hidden_layers }, () => ({ key: empty, value: empty })),
    deltas: null,
    lowRank: null,
  };
}

/** Width of a `prompt_embeddings` row: 2 * L * N * D. */
export const prefixWidth = (shape: PrefixShape): number =>
  2 * shape.num_hidden_layers * shape.num_key_value_heads * shape.head_dim;

/**
 * `prompt_embeddings` [P, 2*L*N*D] -> Prefix. Throws FormatError when the shape belongs to another
 * base (`tensor-shape-mismatch`) or a value is not finite (`prefix-not-finite`): a single NaN in a
 * key would poison every softmax of its row.
 */
export function unpackPrefix(
  embeddings: Float32Array,
  dims: readonly number[],
  shape: PrefixShape,
  subject: string,
): Prefix {
  const numVirtualTokens = dims[0] ?? 0;
  const width = prefixWidth(shape);
  checkDims(`${subject}: ${PROMPT_EMBEDDINGS}`, dims, [numVirtualTokens, width]);
  checkFinite(`${subject}: ${PROMPT_EMBEDDINGS}`, embeddings);
  const { num_key_value_heads: heads, head_dim: headDim } = shape;
  const unpackSide = (side: number): Float32Array => {
    const out = new Float32Array(heads * numVirtualTokens * headDim); // [N, P, D]
    for (let p = 0; p < numVirtualTokens; p++) {
      for (let n = 0; n < heads; n++) {
        const from = p * width + (side * heads + n) * headDim;
        out.set(embeddings.subarray(from, from + headDim), (n * numVirtualTokens + p) * headDim);
      }
    }
    return out;
  };
  const layers = Array.from({ length: shape.num_hidden_layers }, (_, layer) => ({
    key: unpackSide(2 * layer),
    value: unpackSide(2 * layer + 1),
  }));
  return { numVirtualTokens, layers, deltas: null, lowRank: null };
}

/** Throws FormatError `prefix-not-finite` when a value is NaN or infinite. */
export function checkFinite(subject: string, values: Float32Array): void {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) {
    throw new FormatError(
      "prefix-not-finite",
      `${subject}: element ${at} is ${values[at]}, all must be finite`,
    );
  }
}
