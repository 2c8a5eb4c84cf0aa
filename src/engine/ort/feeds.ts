/**
 * Rows -> all feeds of a base's serving graph, by the names of its inputs. Rows of one batch may have
 * prefixes of different lengths and different changes.
 */
import { collateTokens } from "../../core/model/collate.ts";
import type { CollateShape, LeastLengths } from "../../core/model/collate.ts";
import type { Prefix, PrefixShape } from "../../core/model/prefix.ts";
import type { Queries, Row } from "../../core/model/rows.ts";
import { BIAS_DELTAS, LAYER_WEIGHTS, pastKey, pastValue } from "../../core/model/shapes.ts";
import { float32 } from "../../core/model/tensor.ts";
import type { Tensor } from "../../core/model/tensor.ts";
import type { Feeds } from "../session.ts";
import { stackLowRanks } from "./low-rank.ts";
import type { ChangedLinear } from "./low-rank.ts";

/** The part of a base's manifest that feeds depend on. */
export type FeedShape = CollateShape &
  PrefixShape & {
    /** The linears that a task may change, in the graph's order; null for a graph that takes no changes. */
    readonly linears?: readonly ChangedLinear[] | null;
  };

/**
 * All feeds of the serving graph. Rows are right-padded to the longest text, prefixes to the
 * longest prefix, or further to `least`; both paddings are masked, so no row's answer depends on its
 * neighbours.
 */
export function collate(
  rows: readonly Row[],
  shape: FeedShape,
  queries: Queries,
  least?: LeastLengths,
): Feeds {
  const prefixes = rows.map((row) => row.prefix);
  const lengths = prefixes.map((prefix) => prefix.numVirtualTokens);
  const { feeds } = collateTokens(rows, lengths, shape, queries, least);
  return { ...feeds, ...stackPrefixes(prefixes, shape, least?.prefix).feeds };
}

/**
 * The prefixes of a batch's rows as `past_key_values` feeds [B, N, Pmax, D]: shorter ones are
 * padded with zeros at the end; the attention mask hides the padding. A base that knows
 * deltas gets `bias_deltas` [D, W] and `layer_weights` [D, L+1] too, and a graph with low-rank changes
 * their factors. Pmax is `least` or more. Throws MismatchError `prefix-base-mismatch` (low-rank.ts).
 */
export function stackPrefixes(
  rows: readonly Prefix[],
  shape: PrefixShape & Pick<FeedShape, "linears">,
  least = 0,
): { feeds: Record<string, Tensor>; length: number } {
  const { num_key_value_heads: heads, head_dim: headDim, num_hidden_layers: layers } = shape;
  const length = rows.reduce((longest, row) => Math.max(longest, row.numVirtualTokens), least);
  const dims = [rows.length, heads, length, headDim];
  const rowSize = heads * length * headDim;
  const stackSide = (layer: number, side: "key" | "value"): Tensor => {
    const [first] = rows;
    const isWhole = rows.length === 1 && first!.numVirtualTokens === length;
    if (isWhole) return float32(dims, first!.layers[layer]![side]);
    const out = new Float32Array(rows.length * rowSize);
    for (const [b, row] of rows.entries()) {
      const values = row.layers[layer]![side];
      const own = row.numVirtualTokens * headDim;
      if (row.numVirtualTokens === length) {
        out.set(values, b * rowSize);
        continue;
      }
      for (let n = 0; n < heads; n++) {
        out.set(values.subarray(n * own, (n + 1) * own), b * rowSize + n * length * headDim);
      }
    }
    return float32(dims, out);
  };
  const feeds: Record<string, Tensor> = {};
  for (let layer = 0; layer < layers; layer++) {
    feeds[pastKey(layer)] = stackSide(layer, "key");
    feeds[pastValue(layer)] = stackSide(layer, "value");
  }
  const count = changeRows(rows);
  const changes = {
    ...stackDeltas(rows, shape, count),
    ...stackLowRanks(rows, shape.linears ?? null, count),
  };
  return { feeds: { ...feeds, ...changes }, length };
}

/** D: one row for all where all are changed alike, as within a task; else one for each. */
function changeRows(rows: readonly Prefix[]): number {
  const [first] = rows;
  const isSame = ({ deltas, lowRank }: Prefix): boolean =>
    deltas === first?.deltas && lowRank === first.lowRank;
  return rows.every(isSame) ? 1 : rows.length;
}

function stackDeltas(
  rows: readonly Prefix[],
  { num_bias_deltas: width, num_hidden_layers: layers }: PrefixShape,
  count: number,
): Record<string, Tensor> {
  if (width === 0) return {};
  const biases = new Float32Array(count * width);
  const shares = new Float32Array(count * (layers + 1));
  for (let row = 0; row < count; row++) {
    const deltas = rows[row]?.deltas ?? null;
    if (deltas) {
      biases.set(deltas.biasDeltas, row * width);
      shares.set(deltas.layerWeights, row * (layers + 1));
    } else {
      shares[row * (layers + 1) + layers] = 1;
    }
  }
  return {
    [BIAS_DELTAS]: float32([count, width], biases),
    [LAYER_WEIGHTS]: float32([count, layers + 1], shares),
  };
}
