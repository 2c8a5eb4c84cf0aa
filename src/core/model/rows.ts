/** What goes into a run of the encoder and what comes out of it: rows in, hidden states out. */
import type { Prefix } from "./prefix.ts";

/** One row of a batch: a window's tokens and the prefix it is read with. */
export interface Row {
  readonly ids: Int32Array; // [t], special tokens included
  readonly typeIds: Int32Array; // [t]
  readonly prefix: Prefix;
  readonly positionOffset: number;
}

/** Which positions the last layer answers for: the first only, or all T. */
export type Queries = "first" | "all";

/** Hidden states of a batch [B, Q, H]; Q is 1 for queries "first", else T, the longest row's length. */
export interface States {
  readonly dims: readonly [batch: number, queries: number, hidden: number];
  readonly values: Float32Array;
}

/**
 * The states [q, H] of row `b` of a batch, without the padding behind its tokens: q is 1 for queries
 * "first", else `length`, the number of the row's tokens. A view of the batch's values, not a copy.
 */
export function statesOfRow(
  { dims: [, queries, hidden], values }: States,
  b: number,
  length: number,
): Float32Array {
  const start = b * queries * hidden;
  return values.subarray(start, start + Math.min(queries, length) * hidden);
}
