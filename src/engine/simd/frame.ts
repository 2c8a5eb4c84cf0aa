/** The arrays of one run: where they lie, and how many bytes a run takes. */
import type { Batch } from "./batch.ts";
import { PlaceCount } from "./heap.ts";
import type { Places } from "./heap.ts";
import { ROW_TILE, attentionWorkBytes } from "./kernels/kernels.ts";
import type { LowRankSize } from "./low-rank.ts";
import type { ModelShape } from "./model.ts";

/**
 * Rows that pass through a feed-forward block together: its wide rows then stay in the processor's
 * cache, and take little memory. Whole tiles, so that a chunk of quantized rows can be read alone.
 */
const CHUNK_ROWS = 16 * ROW_TILE;

/** What the sizes of a run's arrays follow from. M tokens, Q queries, C = heads * D; all widths are those
 * in memory. */
export interface FrameSize extends Pick<
  Batch,
  "tokens" | "queries" | "isNarrowed" | "columns" | "positions" | "virtualTokens"
> {
  readonly deltas: { readonly length: number };
  readonly lowRank: Pick<LowRankSize, "factors" | "ranks">;
}

/** Rows on their way through the layers. */
export interface Stream {
  readonly rows: number;
  readonly positions: number; // uint32 [rows]
  readonly vectors: number; // uint32 [rows]: addresses
  readonly x: number; // float32 [rows, H]
  /** What the next matrix reads. */
  readonly quantized: number; // [rows, max(H, E, C)]
  readonly scale: number; // float32 [rows]
}

export interface Frame {
  readonly ids: number; // uint32 [M]
  readonly types: number; // uint32 [M]
  /** The address of the base's own vectors, for every row. */
  readonly baseVectors: number; // uint32 [M]
  readonly all: Stream;
  /** The rows that the last layer goes on with, Q of them; null where those are all. */
  readonly narrowed: (Stream & { readonly queries: number }) | null; // queries: float32 [Q, C]
  readonly y: number; // float32 [M, max(H, E, C)]
  /** Queries, keys and values side by side; afterwards the wide rows of a chunk. */
  readonly projected: number; // float32 [M, C + 2 * kvHeads * D] or [chunk, I or 2 * I]
  readonly chunkRows: number;
  readonly wideQuantized: number; // [chunk, I]
  readonly wideScale: number; // float32 [chunk]
  /** Keys, then values of each prefix. */
  readonly past: number; // float32 [2 * virtual tokens, kvHeads * D]
  readonly work: number;
  /** The vectors of a task that changes them. */
  readonly changed: number; // float32 [deltas, vectorsWidth + numZeros]
  /** Factors of low-rank changes of one matrix, and rows between their two products. */
  readonly factors: number; // float32 [numbers of the largest]
  readonly reduced: number; // float32 [M, ranks]
  /** Answers, where they are more than the last layer's x. */
  readonly mixed: number; // float32 [Q, H]
  readonly angles: number; // float32 [thetas, positions, 2, D/2]
}

/** Lays out the arrays of a run. */
export function placeFrame(model: ModelShape, size: FrameSize, places: Places): Frame {
  const { heads, kvHeads, layers, widths } = model;
  const { hidden, head } = widths;
  const { tokens, queries } = size;
  const array = (rows: number, width = 1, bytes = 4): number =>
    places.allocate(rows * width * bytes);
  const width = Math.max(hidden, widths.embeddings, heads * head);
  const wide = Math.max(...layers.map(({ widen }) => widen.outputs));
  const chunkRows = Math.min(tokens, CHUNK_ROWS);
  const streamOf = (rows: number): Stream => ({
    rows,
    positions: array(rows),
    vectors: array(rows),
    x: array(rows, hidden),
    quantized: array(rows, width, 2),
    scale: array(rows),
  });
  const isMixed = size.deltas.length > 0 || model.finalNorm !== null;
  return {
    ids: array(tokens),
    types: array(tokens),
    baseVectors: array(tokens),
    all: streamOf(tokens),
    narrowed: size.isNarrowed
      ? { ...streamOf(queries), queries: array(queries, heads * head) }
      : null,
    y: array(tokens, width),
    projected: array(Math.max(tokens * (heads + 2 * kvHeads) * head, chunkRows * wide)),
    chunkRows,
    wideQuantized: array(chunkRows, widths.intermediate, 2),
    wideScale: array(chunkRows),
    past: array(2 * size.virtualTokens, kvHeads * head),
    work: places.allocate(attentionWorkBytes(size.columns, head)),
    changed: array(size.deltas.length, model.vectorsWidth + model.numZeros),
    factors: array(size.lowRank.factors),
    reduced: array(tokens, size.lowRank.ranks),
    mixed: isMixed ? array(queries, hidden) : 0,
    angles: array(model.thetas.length * size.positions, head),
  };
}

/** Bytes that a run of one text takes, with a prefix and deltas, all of its positions answered. */
export function frameBytes(model: ModelShape, tokens: number, virtualTokens: number): number {
  const count = new PlaceCount();
  placeFrame(
    model,
    {
      tokens,
      virtualTokens,
      queries: tokens,
      isNarrowed: false,
      deltas: [1],
      lowRank: { factors: 0, ranks: 0 },
      columns: virtualTokens + tokens,
      positions: tokens,
    },
    count,
  );
  return count.bytes;
}
