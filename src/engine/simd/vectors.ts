/**
 * The vectors of an encoder in the kernels' memory: first what a task may change, then zeros for what
 * has no bias, then what stands before and behind the layers.
 */
import type { EncoderConfig } from "../../encoder/families/architecture.ts";
import type { LinearSpec } from "../../encoder/layers/linear.ts";
import type { NormSpec } from "../../encoder/layers/norm.ts";
import type { TensorSpec } from "../../encoder/layers/tensor-spec.ts";
import { linearsOf, unsupported, widthOf } from "./axes.ts";
import type { Axes } from "./axes.ts";
import type { Places } from "./heap.ts";
import { NORM } from "./kernels/kernels.ts";
import type { Norm } from "./model.ts";
import { axisOf, lengthOf, paddedTo, piecesOf } from "./padding.ts";
import type { Axis, Piece } from "./padding.ts";

export interface Vectors {
  readonly at: number;
  readonly width: number;
  readonly numDeltas: number;
  readonly deltas: readonly Piece[];
  readonly numZeros: number;
  /** Offsets in bytes. */
  readonly byName: ReadonlyMap<string, { readonly at: number; readonly axis: Axis }>;
  norm(spec: NormSpec): Norm;
  /** Offset of the biases of linears side by side. */
  joined(specs: readonly LinearSpec[]): number;
}

/** Places them; `deltas` are those that a task may change, in their order. */
export function placeVectors(
  { hidden, encoder }: EncoderConfig,
  deltas: readonly TensorSpec[],
  axes: Axes,
  places: Places,
): Vectors {
  const byName = new Map<string, { at: number; axis: Axis }>();
  let end = 0;
  const add = (name: string, axis: Axis): void => {
    byName.set(name, { at: 4 * end, axis });
    end += lengthOf(axis);
  };
  const matrices = encoder.blocks.flatMap((block) => Object.values(linearsOf(block)));
  const biases = new Map<string, Axis>(
    matrices.flat().map((spec) => [`${spec.name}.bias`, axes.outputs(spec)]),
  );
  const pieces: Piece[] = [];
  let numDeltas = 0;
  for (const { name, dims } of deltas) {
    const axis = biases.get(name) ?? axisOf(dims[0]!);
    for (const { from, to, count } of piecesOf(axis)) {
      pieces.push({ from: numDeltas + from, to: end + to, count });
    }
    add(name, axis);
    numDeltas += dims[0]!;
  }
  const width = end;
  const numZeros = Math.max(paddedTo(hidden), ...matrices.map((specs) => widthOf(specs, axes)));
  const zeros = 4 * end;
  end += numZeros;
  for (const norm of [encoder.embeddings.norm, encoder.finalNorm]) {
    if (!norm) continue;
    add(`${norm.name}.weight`, axisOf(norm.width));
    if (norm.hasBias) add(`${norm.name}.bias`, axisOf(norm.width));
  }
  const { projection } = encoder.embeddings;
  if (projection?.hasBias) add(`${projection.name}.bias`, axes.outputs(projection));
  const at = places.allocate(4 * end);
  const offsetOf = (name: string): number => byName.get(name)!.at;
  return {
    at,
    width,
    numDeltas,
    deltas: pieces,
    numZeros,
    byName,
    norm: ({ name, kind, width: size, hasBias, epsilon }) => ({
      kind: NORM[kind],
      size,
      gamma: offsetOf(`${name}.weight`),
      beta: hasBias ? offsetOf(`${name}.bias`) : zeros,
      epsilon,
    }),
    joined(specs) {
      const [first] = specs;
      if (specs.every(({ hasBias }) => !hasBias)) return zeros;
      let next = offsetOf(`${first!.name}.bias`);
      const start = next;
      for (const spec of specs) {
        const { name, hasBias } = spec;
        if (!hasBias || offsetOf(`${name}.bias`) !== next) {
          return unsupported(`the biases beside ${name}.bias are not side by side`);
        }
        next += 4 * lengthOf(axes.outputs(spec));
      }
      return start;
    },
  };
}
