/**
 * Rows -> feeds: the one place where a batch gets its shape, its masks and its positions, for
 * training and for serving alike.
 */
import { stackPrefixes } from "./prefix.ts";
import type { Prefix, PrefixShape } from "./prefix.ts";
import { ATTENTION_MASK, INPUT_IDS, POSITION_IDS, QUERY_LENGTH, TOKEN_TYPE_IDS } from "./shapes.ts";
import { int64 } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";

/** One row of a batch: a window's tokens and the prefix it is read with. */
export interface Row {
  readonly ids: Int32Array; // [t], special tokens included
  readonly typeIds: Int32Array; // [t]
  readonly prefix: Prefix;
  readonly positionOffset: number;
}

/** What collation needs to know of a base. */
export interface CollateShape extends PrefixShape {
  readonly first_position: number;
  readonly pad_token_id: number;
}

/** Which positions the last layer answers for: the first only, or all T. */
export type Queries = "first" | "all";

/** The token feeds of a batch, without prefixes: what training and serving share. */
export function collateTokens(
  rows: readonly Omit<Row, "prefix">[],
  prefixLengths: readonly number[],
  shape: Pick<CollateShape, "first_position" | "pad_token_id">,
  queries: Queries,
): { feeds: Record<string, Tensor>; length: number } {
  const batch = rows.length;
  const length = rows.reduce((longest, row) => Math.max(longest, row.ids.length), 1); // T
  const prefixLength = prefixLengths.reduce((a, b) => Math.max(a, b), 0); // P
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

/**
 * All feeds of the serving graph. Rows are right-padded to the longest text, prefixes to the
 * longest prefix; both paddings are masked, so no row's answer depends on its neighbours.
 */
export function collate(
  rows: readonly Row[],
  shape: CollateShape,
  queries: Queries,
): Record<string, Tensor> {
  const prefixes = rows.map((row) => row.prefix);
  const tokens = collateTokens(
    rows,
    prefixes.map((prefix) => prefix.numVirtualTokens),
    shape,
    queries,
  );
  return { ...tokens.feeds, ...stackPrefixes(prefixes, shape).feeds };
}
