/**
 * An encoder in the kernels' memory: where every weight lies, layer by layer, in the form that a run
 * reads. Addresses are bytes of that memory.
 */
import type { ACTIVATION, NORM, TABLE } from "./kernels/kernels.ts";
import type { Axis, Piece } from "./padding.ts";

/** Rows of embeddings. */
export interface Table {
  readonly form: (typeof TABLE)[keyof typeof TABLE];
  readonly values: number;
  /** float32, one a row; not read where the form is float32. */
  readonly scales: number;
  readonly rows: number;
}

/** A linear of the encoder among the columns of a matrix. */
export interface Linear {
  readonly name: string;
  /** Its first column, and how many they are. */
  readonly from: number;
  readonly width: number;
  readonly inputs: Axis;
  readonly outputs: Axis;
}

/** Packed weights [K, N]; several linears that read the same rows are one matrix. K and N are widths. */
export interface Matrix {
  readonly inputs: number; // K
  readonly outputs: number; // N
  readonly weights: number;
  readonly scales: number; // float32 [N]
  /** Offset of the bias [N] in a row's vectors. */
  readonly bias: number;
  readonly linears: readonly Linear[];
}

/** A norm over a row; gamma and beta are offsets in a row's vectors. */
export interface Norm {
  readonly kind: (typeof NORM)[keyof typeof NORM];
  /** Numbers of a row, zeros aside. */
  readonly size: number;
  readonly gamma: number;
  readonly beta: number;
  readonly epsilon: number;
}

/**
 * One layer. Where its norms stand tells its kind:
 *   post-norm   middle = middleNorm(x + attention(x))    x = outputNorm(middle + feedForward(middle))
 *   pre-norm    x = x + attention(inputNorm(x))          x = x + feedForward(middleNorm(x))
 */
export interface Layer {
  /** null in a post-norm layer, and where the input is already normed. */
  readonly inputNorm: Norm | null;
  readonly middleNorm: Norm;
  /** null in a pre-norm layer. */
  readonly outputNorm: Norm | null;
  /** Queries, keys and values side by side: N = (heads + 2 * kvHeads) * D. */
  readonly project: Matrix;
  readonly output: Matrix;
  /** Which of the model's `thetas` turns queries and keys, null where positions are embedded. */
  readonly rotation: number | null;
  /** How far a token sees, EVERY_TOKEN where it sees all. */
  readonly window: number;
  /** [H, I], or [H, 2 * I] for gated blocks: the gate's half first. */
  readonly widen: Matrix;
  readonly isGated: boolean;
  readonly activation: (typeof ACTIVATION)[keyof typeof ACTIVATION];
  readonly narrow: Matrix;
  /** Scales per input channel of `project` and `widen`: float32 [H] each. */
  readonly projectScale: number;
  readonly widenScale: number;
}

/** How wide rows are in memory, zeros included (padding.ts). */
export interface Widths {
  readonly hidden: number; // H
  readonly embeddings: number; // E, H unless there is a projection
  readonly head: number; // D
  readonly intermediate: number; // I
}

/** All but the tables, whose form only the files tell. */
export interface ModelShape {
  readonly widths: Widths;
  /** Numbers of an answer, and of a head. */
  readonly hidden: number;
  readonly headSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Where the numbers of a head lie. */
  readonly head: Axis;
  readonly maxPositions: number;
  readonly firstPosition: number;
  /** What follows is the same for all tasks: its vectors are offsets from `vectors` alone. */
  readonly embeddingsNorm: Norm | null;
  /** [E, H], null where the tables are as wide as the layers. */
  readonly embeddingsProjection: Matrix | null;
  readonly finalNorm: Norm | null;
  readonly layers: readonly Layer[];
  /** Bases of the angles of rotary positions, each once. */
  readonly thetas: readonly number[];
  /** The vectors that a task may change, in the order of its deltas, float32 [vectorsWidth]. */
  readonly vectors: number;
  readonly vectorsWidth: number;
  /** Numbers of a task's deltas, and where they lie among the vectors. */
  readonly numDeltas: number;
  readonly deltas: readonly Piece[];
  /** Zeros behind them, for linears and norms without a bias: also behind a task's own vectors. */
  readonly numZeros: number;
}

export interface Model extends ModelShape {
  readonly words: Table;
  readonly positions: Table | null;
  readonly types: Table | null;
}
