/**
 * The position of a text's first token, where PEFT and a task differ. transformers numbers learned
 * positions after the past keys, so behind a prefix of P virtual tokens the first token stands at
 * position P; a task of this project says where it stands (`position_offset`), 0 by default. An adapter
 * carries the difference as a position table whose rows are moved: PEFT loads it like any other module
 * in `modules_to_save`, and the encoder reads the rows that the task was trained with.
 */
import { MismatchError } from "../../src/core/errors.ts";
import { float32, toFloat32 } from "../../src/core/model/tensor.ts";
import type { TensorOf } from "../../src/core/model/tensor.ts";
import { baseConfig, baseFloatWeights } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import type { TensorValues } from "./lora.ts";

/** A table that is stored in 8 bits differs from the checkpoint's by a hundredth of its length. */
const SAME_TABLE = 0.05;

/** The table of a base with learned positions, [R, E]; null for a family with rotary positions. */
function positionTable(base: Base) {
  const { config } = baseConfig(base);
  const { positions, width } = config.encoder.embeddings;
  if (!positions) return null;
  const values = toFloat32(baseFloatWeights(base).get(positions.name)!);
  return { name: positions.name, values, width, first: config.firstPosition };
}

/**
 * The table by which an encoder that numbers its first token P reads what this one reads at
 * `position_offset` `offset`, under its own name; null where nothing has to move.
 */
export function movedPositions(
  base: Base,
  numVirtualTokens: number,
  offset: number,
): { readonly name: string; readonly table: TensorOf<"float32"> } | null {
  const shift = numVirtualTokens - offset;
  const own = shift === 0 ? null : positionTable(base);
  if (!own) return null;
  const { name, values, width, first } = own;
  const moved = Float32Array.from(values);
  const rows = values.length / width;
  for (let row = first; row < rows; row++) {
    const from = row - shift;
    if (from < first || from >= rows) continue;
    moved.set(values.subarray(from * width, (from + 1) * width), row * width);
  }
  return { name, table: float32([rows, width], moved) };
}

/**
 * The `position_offset` of an adapter that brings a position table: how far the base's own rows have
 * moved in it. Throws MismatchError `prefix-base-mismatch` for a table that is not the base's, moved.
 */
export function offsetOf(table: TensorValues, base: Base, numVirtualTokens: number): number {
  const own = positionTable(base);
  const isAlike = own?.values.length === table.values.length;
  const shifts = isAlike ? Array.from({ length: numVirtualTokens + 1 }, (_, shift) => shift) : [];
  const best = shifts
    .map((shift) => ({ shift, difference: differenceAt(own!, table.values, shift) }))
    .reduce((a, b) => (b.difference < a.difference ? b : a), { shift: 0, difference: Infinity });
  if (best.difference < SAME_TABLE) return numVirtualTokens - best.shift;
  throw new MismatchError(
    "prefix-base-mismatch",
    `adapter: has a position table [${table.dims.join(", ")}], which is not that of base "${base.manifest.name}" with its rows moved; a task cannot change the positions of its base`,
  );
}

/** Length of the difference to the own table moved by `shift`, relative to that table's length. */
function differenceAt(
  { values, width, first }: NonNullable<ReturnType<typeof positionTable>>,
  table: Float32Array,
  shift: number,
): number {
  let [difference, length] = [0, 0];
  for (let at = (first + shift) * width; at < table.length; at++) {
    const own = values[at - shift * width]!;
    difference += (table[at]! - own) ** 2;
    length += own * own;
  }
  return Math.sqrt(difference / length);
}
