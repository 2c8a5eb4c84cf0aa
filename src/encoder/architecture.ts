/**
 * What an encoder architecture must offer, whatever its family: its settings, the tensors that a
 * checkpoint of it holds, and the graph that computes it. One file per family implements this;
 * architectures.ts is the table of them.
 */
import type { ConfigurationValue } from "../core/format/configuration.ts";
import type { Tensor } from "../core/model/tensor.ts";
import type { Graph, Value } from "../graph/graph.ts";
import type { Activation } from "../graph/ops.ts";

/** Settings that every part of this project needs, in its own words. */
export interface EncoderConfig {
  readonly modelType: string;
  readonly layers: number; // L
  readonly hidden: number; // H
  readonly heads: number; // query heads
  readonly kvHeads: number; // N of the prefix
  readonly headSize: number; // D
  readonly intermediate: number; // width of the feed-forward block
  readonly vocab: number; // V
  readonly typeVocab: number;
  readonly maxPositions: number;
  /** Position id of the first token. */
  readonly firstPosition: number;
  readonly padTokenId: number;
  readonly epsilon: number;
  readonly activation: Activation;
}

/** How a tensor is stored in a base. */
export type TensorKind =
  | "linear" // [in, out] there, [out, in] in the checkpoint; quantized in an int8 base
  | "words" // the word table [V, H]; quantized by rows in an int8 base
  | "positions" // the position table; float32, or 8 bits where the tables are compact
  | "float" // as it is, float32
  | "pooler"; // as it is, in pooler.safetensors

export interface TensorSpec {
  readonly name: string;
  /** Dims in the checkpoint. */
  readonly dims: readonly number[];
  readonly kind: TensorKind;
  /** Only linears that read an activation bounded below, such as GELU's: that bound (<= 0). */
  readonly inputMin?: number;
  /**
   * Only linears: name of the scale per input channel [in] that an int8 base may apply before
   * quantizing their input; linears that read the same rows share it.
   */
  readonly inputScale?: string;
}

/** Weights by the names and in the form of a base's shards. */
export type Weights = ReadonlyMap<string, Tensor>;

/** The graph inputs of an encoder; names, shapes and dtypes as in core/shapes.ts. */
export interface EncoderInputs {
  readonly inputIds: Value; // [B, T] int64
  readonly attentionMask: Value; // [B, P+T] int64
  readonly tokenTypeIds: Value; // [B, T] int64
  readonly positionIds: Value; // [B, T] int64
  readonly queryLength: Value; // [1] int64
  readonly past: readonly { readonly key: Value; readonly value: Value }[]; // a layer: [B, N, P, D]
  /**
   * Weights that are computed or fed instead of stored, by tensor name: what full fine-tuning trains,
   * or vectors [D, 1, n] that differ by text, D = B or 1.
   */
  readonly replaced?: ReadonlyMap<string, Value>;
  /** Added to vectors (biases, LayerNorm weights) by tensor name, [n]. */
  readonly deltas?: ReadonlyMap<string, Value>;
  /** Shares of the embeddings' and every layer's output in what is answered: [1, L+1], or [B, L+1] by row. */
  readonly layerWeights?: Value;
  /** Trained input embeddings, which follow the tokens and have no positions: [S, H]. */
  readonly prompt?: Value;
}

/** Which of several forms of equal meaning a graph takes; by default those that are quick in wasm. */
export interface GraphForm {
  /** For a graph that is walked backwards and runs natively. */
  readonly isTrained?: boolean;
  /**
   * 8-bit weights as signed numbers: the same integer products, 2.3 times as fast as unsigned ones
   * on CPUs with VNNI, wrong ones where instructions saturate (training/signed-products.ts asks).
   */
  readonly hasSignedWeights?: boolean;
}

export interface EncoderOutputs {
  readonly lastHiddenState: Value; // [B, Q, H]
  /** What the word table gave: its gradient goes to the rows of the table. */
  readonly wordRows: Value; // [B*T, H]
  /** The rows [M, in] that each input scale belongs to, by its name: what calibration looks at. */
  readonly scaledInputs: ReadonlyMap<string, Value>;
}

export interface Architecture {
  /** Reads config.json; throws when it asks for something that the graph does not implement. */
  readConfig(json: unknown): EncoderConfig;
  /**
   * The inverse: every setting that changes what the encoder computes, under config.json's names and
   * with defaults filled in. readConfig reads it back; the identity of a base covers it.
   */
  writeConfig(config: EncoderConfig): Readonly<Record<string, ConfigurationValue>>;
  /** Every tensor of the encoder, in the order of computation, and the pooler's. */
  tensors(config: EncoderConfig): readonly TensorSpec[];
  /** Name prefixes that the family's checkpoints may carry, such as "bert.". */
  readonly prefixes: readonly string[];
  /** Known tensors that the encoder does not need: buffers and heads. */
  readonly ignored: RegExp;
  /** Name of a tensor after layer `layer` became layer `to`; other names pass through. */
  renameLayer(name: string, rename: (layer: number) => number | null): string | null;
  readonly wordTable: string;
  buildEncoder(
    graph: Graph,
    config: EncoderConfig,
    weights: Weights,
    inputs: EncoderInputs,
    form?: GraphForm,
  ): EncoderOutputs;
}
