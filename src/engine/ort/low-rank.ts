/** The low-rank changes of a batch's rows as feeds of the serving graph. */
import { MismatchError } from "../../core/errors.ts";
import { checkLinears } from "../../core/model/low-rank.ts";
import type { LinearSize, LowRank } from "../../core/model/low-rank.ts";
import type { Prefix } from "../../core/model/prefix.ts";
import { LORA_A, LORA_B, LORA_ROWS } from "../../core/model/shapes.ts";
import { float32 } from "../../core/model/tensor.ts";
import type { Tensor } from "../../core/model/tensor.ts";

/** A linear as the graph has it. */
export interface ChangedLinear extends LinearSize {
  readonly name: string;
}

/**
 * Every change once, its ranks below those of the others: `lora_A` [R, sum of in], `lora_B` [R, sum of
 * out], and which ranks a row has: `lora_rows` [count, R]. Nothing for a graph that takes no changes.
 * Throws MismatchError `prefix-base-mismatch` for a change of a linear that the graph has not, or of
 * any where it takes none.
 */
export function stackLowRanks(
  rows: readonly Pick<Prefix, "lowRank">[],
  linears: readonly ChangedLinear[] | null,
  count: number,
): Record<string, Tensor> {
  const changes = [...new Set(rows.flatMap(({ lowRank }) => lowRank ?? []))];
  if (linears === null) {
    if (changes.length === 0) return {};
    throw new MismatchError(
      "prefix-base-mismatch",
      "task: has low-rank changes, the graph of its base takes none; import the base with --lora, or serve it by the engine simd",
    );
  }
  const sizes = new Map(linears.map((linear) => [linear.name, linear]));
  for (const change of changes) checkLinears(change, sizes);
  const ranksOf = new Map(changes.map((change) => [change, rankOf(change)]));
  const ranks = [...ranksOf.values()].reduce((sum, rank) => sum + rank, 0);
  const mask = new Float32Array(count * ranks);
  let from = 0;
  for (const [change, rank] of ranksOf) {
    for (let row = 0; row < count; row++) {
      if (rows[row]!.lowRank === change)
        mask.fill(1, row * ranks + from, row * ranks + from + rank);
    }
    from += rank;
  }
  return {
    [LORA_A]: stack("a", changes, linears, ranks),
    [LORA_B]: stack("b", changes, linears, ranks),
    [LORA_ROWS]: float32([count, ranks], mask),
  };
}

/** The largest rank of its linears: the others have zeros below theirs. */
const rankOf = (change: LowRank): number =>
  [...change.values()].reduce((most, { rank }) => Math.max(most, rank), 0);

/** One side of all factors: [R, sum of widths]. */
function stack(
  side: "a" | "b",
  changes: readonly LowRank[],
  linears: readonly ChangedLinear[],
  ranks: number,
): Tensor {
  const widthOf = ({ inputs, outputs }: ChangedLinear): number => (side === "a" ? inputs : outputs);
  const total = linears.reduce((sum, linear) => sum + widthOf(linear), 0);
  const out = new Float32Array(ranks * total);
  let first = 0;
  for (const change of changes) {
    let column = 0;
    for (const linear of linears) {
      const width = widthOf(linear);
      const factors = change.get(linear.name);
      for (let r = 0; r < (factors?.rank ?? 0); r++) {
        const row = factors![side].subarray(r * width, (r + 1) * width);
        out.set(row, (first + r) * total + column);
      }
      column += width;
    }
    first += rankOf(change);
  }
  return float32([ranks, total], out);
}
