/** Hidden states of texts from a teacher, a student in training, or a finished base. */
import { collateTokens } from "../../../src/core/model/collate.ts";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import { emptyPrefix } from "../../../src/core/model/prefix.ts";
import { toFloat32 } from "../../../src/core/model/tensor.ts";
import type { LoadedBase } from "../../../src/engine/engine.ts";
import type { Feeds, Session } from "../../../src/engine/session.ts";
import type { AlignedSide } from "./align.ts";
import { HIDDEN } from "./graph.ts";

/** [T, H] of each row, padding left in. */
export type ReadStates = (rows: readonly AlignedSide[]) => Promise<Float32Array[]>;

/** By a base's serving graph. */
export function servedStates({ encoder, manifest }: LoadedBase): ReadStates {
  const prefix = emptyPrefix(manifest.configuration);
  return async (rows) => {
    const given = rows.map(({ ids, typeIds }) => ({ ids, typeIds, prefix, positionOffset: 0 }));
    return byRow((await encoder.encode(given, "all")).values, rows.length);
  };
}

/** By a graph of buildStudentGraph, with the weights that `weights` says at that moment. */
export function studentStates(
  session: Session,
  manifest: BaseManifest,
  weights: () => Feeds,
): ReadStates {
  return async (rows) => {
    const { feeds } = tokenFeeds(rows, manifest);
    const outputs = await session.run({ ...feeds, ...weights() });
    return byRow(toFloat32(outputs[HIDDEN]!), rows.length);
  };
}

/** Feeds of a batch without prefixes, all positions asked for. */
export const tokenFeeds = (rows: readonly AlignedSide[], manifest: BaseManifest) =>
  collateTokens(
    rows.map(({ ids, typeIds }) => ({ ids, typeIds, positionOffset: 0 })),
    rows.map(() => 0),
    manifest.configuration,
    "all",
  );

function byRow(states: Float32Array, rows: number): Float32Array[] {
  const size = states.length / rows;
  return Array.from({ length: rows }, (_, row) => states.subarray(row * size, (row + 1) * size));
}

/** Means over the tokens of each stretch: states [>= t, H] -> [numUnits, H]. */
export function unitMeans(
  states: Float32Array,
  units: Int32Array,
  numUnits: number,
  hidden: number,
): Float32Array {
  const means = new Float32Array(numUnits * hidden);
  const counts = new Float32Array(numUnits);
  for (const [token, unit] of units.entries()) {
    counts[unit]! += 1;
    for (let h = 0; h < hidden; h++) means[unit * hidden + h]! += states[token * hidden + h]!;
  }
  for (let i = 0; i < means.length; i++) means[i]! /= counts[Math.floor(i / hidden)]!;
  return means;
}

/** Mean over the first `tokens` rows: states [>= t, H] -> [H]. */
export function meanPooled(states: Float32Array, tokens: number, hidden: number): Float32Array {
  return unitMeans(states, new Int32Array(tokens), 1, hidden);
}

/** Each row of [n, H] divided by its length, in place. */
export function normalizeRows(rows: Float32Array, hidden: number): Float32Array {
  for (let start = 0; start < rows.length; start += hidden) {
    let squares = 0;
    for (let i = start; i < start + hidden; i++) squares += rows[i]! * rows[i]!;
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let i = start; i < start + hidden; i++) rows[i]! *= scale;
  }
  return rows;
}
