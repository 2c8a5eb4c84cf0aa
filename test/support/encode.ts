/** Runs a base's graph on texts or ids, as the tests of importing, shrinking and runtimes need it. */
import type { Base } from "../../src/encoder/base.ts";
import { architectureOf } from "../../src/encoder/families/families.ts";
import { lowRankLinears } from "../../src/encoder/forms/low-rank.ts";
import type { LowRank } from "../../src/core/model/low-rank.ts";
import { graphEncoder } from "../../src/engine/ort/encoder.ts";
import { statesOfRow } from "../../src/core/model/rows.ts";
import type { Queries } from "../../src/core/model/rows.ts";
import { emptyPrefix, unpackPrefix, prefixWidth } from "../../src/core/model/prefix.ts";
import type { Deltas, Prefix } from "../../src/core/model/prefix.ts";
import type { Encoder } from "../../src/engine/engine.ts";
import type { GraphFiles, Session } from "../../src/engine/session.ts";
import { derive, keyOf, normals } from "../../src/learn/random.ts";

/** A text's tokens and the prefix it is read with. */
export interface TestRow {
  readonly ids: readonly number[];
  readonly prefix?: Prefix;
}

/** Hidden states [T, H] of each row's own tokens, run as one batch; [1, H] for queries "first". */
export const hiddenStates = (
  base: Base,
  session: Session,
  rows: readonly TestRow[],
  queries: Queries = "all",
): Promise<Float32Array[]> =>
  encodeRows(base, graphEncoder(session, base.manifest.configuration), rows, queries);

/** The same by an encoder. */
export async function encodeRows(
  base: Pick<Base, "manifest">,
  encoder: Encoder,
  rows: readonly TestRow[],
  queries: Queries = "all",
): Promise<Float32Array[]> {
  const batch = rows.map(({ ids, prefix }) => ({
    ids: Int32Array.from(ids),
    typeIds: new Int32Array(ids.length),
    prefix: prefix ?? emptyPrefix(base.manifest.configuration),
    positionOffset: 0,
  }));
  const states = await encoder.encode(batch, queries);
  return rows.map(({ ids }, b) => statesOfRow(states, b, ids.length).slice());
}

/** A prefix of random keys and values. */
export function randomPrefix(base: Pick<Base, "manifest">, length: number, seed: number): Prefix {
  const width = prefixWidth(base.manifest.configuration);
  return unpackPrefix(
    normals(keyOf(seed), length * width),
    [length, width],
    base.manifest.configuration,
    "test",
  );
}

/** Random low-rank changes: of every linear of the layers, or of those whose names end in `ending`. */
export function randomLowRank(
  { manifest }: Pick<Base, "manifest">,
  rank: number,
  ending = "",
): LowRank {
  const config = architectureOf(manifest.configuration).readConfig(manifest.configuration);
  const linears = lowRankLinears(config).filter(({ name }) => name.endsWith(ending));
  return new Map(
    linears.map(({ name, inputs, outputs }) => {
      const key = derive(keyOf(rank), name);
      const a = normals(derive(key, "a"), rank * inputs, 0.2);
      return [name, { rank, a, b: normals(derive(key, "b"), rank * outputs, 0.2) }];
    }),
  );
}

/** Random deltas of all vectors, and shares of all layers. */
export const randomDeltas = ({ manifest }: Pick<Base, "manifest">, seed: number): Deltas => ({
  biasDeltas: normals(keyOf(seed), manifest.configuration.num_bias_deltas, 0.1),
  layerWeights: normals(keyOf(seed + 1), manifest.configuration.num_hidden_layers + 1),
});

/** Opens a session, uses it, releases it. */
export async function withSession<T>(
  open: (files: GraphFiles) => Promise<Session>,
  base: Base,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await open(base.graphFiles);
  try {
    return await use(session);
  } finally {
    await session.release();
  }
}

/** Largest absolute difference of two arrays of one length; NaN when a value is NaN. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let max = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= max)) max = difference;
  }
  return max;
}

/** Cosines of the rows of `width` of two matrices. */
export function cosines(a: Float32Array, b: Float32Array, width: number): number[] {
  const each: number[] = [];
  for (let from = 0; from < a.length; from += width) {
    let [ab, aa, bb] = [0, 0, 0];
    for (let i = from; i < from + width; i++) {
      ab += a[i]! * b[i]!;
      aa += a[i]! * a[i]!;
      bb += b[i]! * b[i]!;
    }
    each.push(ab / Math.sqrt(aa * bb));
  }
  return each;
}

/** Mean of these. */
export const meanCosine = (a: Float32Array, b: Float32Array, width: number): number =>
  cosines(a, b, width).reduce((sum, cosine) => sum + cosine, 0) / (a.length / width);
