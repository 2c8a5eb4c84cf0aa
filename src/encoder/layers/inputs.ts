/** What an encoder reads and answers, as graph values, and which form of its graph is built. */
import type { Value } from "../../graph/graph.ts";

/** The graph inputs of an encoder; names, shapes and dtypes as in core/model/shapes.ts. */
export interface EncoderInputs {
  readonly inputIds: Value; // [B, T] int64
  readonly attentionMask: Value; // [B, P+T] int64
  /** Left unread by a family that has no table of token types. */
  readonly tokenTypeIds: Value; // [B, T] int64
  /** Rows of a position table, or the angles of rotary positions. */
  readonly positionIds: Value; // [B, T] int64
  readonly queryLength: Value; // [1] int64
  /** One pair per layer. Keys of rotary families are already rotated. */
  readonly past: readonly PastPair[];
  /**
   * Weights that are computed or fed instead of stored, by tensor name: the weights of full
   * fine-tuning, or vectors [D, 1, n] that differ by text, D = B or 1.
   */
  readonly replaced?: ReadonlyMap<string, Value>;
  /** Added to vectors (biases, norm weights) by tensor name, [n]. */
  readonly deltas?: ReadonlyMap<string, Value>;
  /** Products of low rank on top of linears. */
  readonly lowRank?: LowRankInputs;
  /** Shares of the embeddings' and every layer's output in the answer: [1, L+1], or [B, L+1] by row. */
  readonly layerWeights?: Value;
  /** Trained input embeddings, which follow the tokens and have no positions: [S, E]. */
  readonly prompt?: Value;
}

/** Low-rank changes of linears: y = x W + b + (x A^T) B. */
export interface LowRankInputs {
  /** By the linear's name: A [R, in], B [R, out]. */
  readonly factors: ReadonlyMap<string, { readonly a: Value; readonly b: Value }>;
  /**
   * Where rows have different changes: mask [D, 1, R] of the ranks that are a text's own, and how many
   * of a text's rows are computed: all, or 1 where there are no ranks. Absent where all rows have all.
   */
  readonly rows?: { readonly mask: Value; readonly end: Value };
}

/** The prefix of one layer: [B, kvHeads, P, D] each. */
export interface PastPair {
  readonly key: Value;
  readonly value: Value;
}

/** Which of several forms of equal meaning a graph takes; by default those that are quick in wasm. */
export interface GraphForm {
  /** For a graph that is walked backwards and runs natively. */
  readonly isTrained?: boolean;
  /**
   * Bits of the rows that meet 8-bit weights: 8 as in the graph that onnxruntime-web serves (default),
   * or 16, which stand for those of this project's kernels (graph/quantization/int16.ts).
   */
  readonly rowBits?: 8 | 16;
  /**
   * 8-bit weights as signed numbers: the same integer products, 2.3 times as fast as unsigned ones
   * on CPUs with VNNI, wrong ones where instructions saturate (graph/quantization/signed-products.ts
   * tests the machine).
   */
  readonly hasSignedWeights?: boolean;
  /**
   * For a GPU: only ops that ONNX Runtime's WebGPU provider has, and 8-bit weights times float
   * activations.
   */
  readonly isGpu?: boolean;
  /**
   * Number of positions whose rotary angles are constants of the graph; without it they are worked
   * out when the graph runs.
   */
  readonly tabledPositions?: number;
}

/**
 * Most outputs of a node on a GPU: WebGPU promises ten buffers to a shader, and inputs and the sizes
 * take some of them.
 */
export const MOST_GPU_OUTPUTS = 7;

export interface EncoderOutputs {
  readonly lastHiddenState: Value; // [B, Q, H]
  /** The rows read from the word table: their gradient belongs to those rows of the table. */
  readonly wordRows: Value; // [B*T, E]
  /** The rows [M, in] that each input scale belongs to, by its name: calibration measures them. */
  readonly scaledInputs: ReadonlyMap<string, Value>;
}
