/**
 * Rows -> token feeds of a graph: the one place where a batch gets its shape, its masks and its
 * positions, for training and for serving alike.
 */
import type { Queries, Row } from "./rows.ts";
import { ATTENTION_MASK, INPUT_IDS, POSITION_IDS, QUERY_LENGTH, TOKEN_TYPE_IDS } from "./shapes.ts";
import { int64 } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";

/** What collation needs to know of a base. */
export interface CollateShape {
  readonly first_position: number;
  readonly pad_token_id: number;
}

/** Lengths to which a batch is padded at least, so that a host meets few shapes. */
export interface LeastLengths {
  readonly tokens: number; // T
  readonly prefix: number; // P
}

/**
 * The token feeds of a batch, without prefixes: what training and serving share. Rows are
 * right-padded to the longest; the mask hides that padding, and the padding of shorter prefixes.
 */
export function collateTokens(
  rows: readonly Omit<Row, "prefix">[],
  prefixLengths: readonly number[],
  shape: CollateShape,
  queries: Queries,
  least: LeastLengths = { tokens: 1, prefix: 0 },
): { feeds: Record<string, Tensor>; length: number } {
  const batch = rows.length;
  const length = rows.reduce((longest, row) => Math.max(longest, row.ids.length), least.tokens); // T
  const prefixLength = prefixLengths.reduce((a, b) => Math.max(a, b), least.prefix); // P
  const width = prefixLength + length;
  const ids = new Int32Array(batch * length).fill(shape.pad_token_id);
  const typeIds = new Int32Array(batch * length);
  const positions = new Int32Array(batch * length);
  const mask = new Int32Array(batch * width);
  for (const [b, row] of rows.entries()) {
    ids.set(row.ids, b * length);
    typeIds.set(row.typeIds, b * length);
    const first = shape.first_position + row.positionOffset;
    for (let t = 0; t < row.ids.length; t++) positions[b * length + t] = first + t;
    mask.fill(1, b * width, b * width + prefixLengths[b]!);
    mask.fill(1, b * width + prefixLength, b * width + prefixLength + row.ids.length);
  }
  const feeds = {
    [INPUT_IDS]: int64([batch, length], ids),
    [ATTENTION_MASK]: int64([batch, width], mask),
    [TOKEN_TYPE_IDS]: int64([batch, length], typeIds),
    [POSITION_IDS]: int64([batch, length], positions),
    [QUERY_LENGTH]: int64([1], [queries === "first" ? 1 : length]),
  };
  return { feeds, length };
}
