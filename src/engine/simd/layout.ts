/**
 * Where everything of a base goes: its encoder's description -> a place for every tensor of its files,
 * and the model that these places make. Nothing is read or written here.
 */
import type { EncoderConfig } from "../../encoder/families/architecture.ts";
import type { BlockSpec } from "../../encoder/layers/block.ts";
import type { TableSpec } from "../../encoder/layers/embeddings.ts";
import type { LinearSpec } from "../../encoder/layers/linear.ts";
import type { TensorSpec } from "../../encoder/layers/tensor-spec.ts";
import { scaleName } from "../../graph/quantization/int8.ts";
import type { Activation } from "../../graph/ops.ts";
import { axesOf, linearsOf, thetasOf, unsupported, widthOf } from "./axes.ts";
import type { Places } from "./heap.ts";
import { ACTIVATION, EVERY_TOKEN, TABLE } from "./kernels/kernels.ts";
import type { Layer, Matrix, Model, ModelShape, Table } from "./model.ts";
import { axisOf, lengthOf, numbersOf, paddedTo } from "./padding.ts";
import type { Axis } from "./padding.ts";
import { placeVectors } from "./vectors.ts";

/** The place of one tensor: its dimensions in the file, and its axes in memory. */
export type Slot =
  /** float32. Optional ones have a value of their own where the files lack them. */
  | {
      readonly kind: "floats";
      readonly dims: readonly number[];
      readonly axis: Axis;
      readonly at: number;
      readonly isRequired: boolean;
    }
  /** uint8 [K, N] that is packed to `at`. */
  | {
      readonly kind: "matrix";
      readonly dims: readonly [number, number];
      readonly rows: Axis;
      readonly columns: Axis;
      readonly at: number;
    }
  /** Rows of embeddings, in the form that the file has; they get their place when that is known. */
  | { readonly kind: "table"; readonly rows: number; readonly width: number };

/** A table of the files in the memory. */
export type PlacedTable = Pick<Table, "form" | "values">;

export interface Layout {
  readonly slots: ReadonlyMap<string, Slot>;
  /** Scales per input channel [n] that are ones until the files say otherwise. */
  readonly ones: readonly { readonly at: number; readonly length: number }[];
  readonly shape: ModelShape;
  /** The model, once all tables have their places. */
  model(tables: ReadonlyMap<string, PlacedTable>): Model;
}

/**
 * GELU in its tanh form, as the 8-bit graph has it on which tasks are trained; by the cosine of its
 * states to float32 it cannot be told from the exact one (.99945 both).
 */
const ACTIVATION_OF: Readonly<Record<Activation, Layer["activation"]>> = {
  gelu: ACTIVATION.geluTanh,
  gelu_new: ACTIVATION.geluTanh,
  gelu_pytorch_tanh: ACTIVATION.geluTanh,
  relu: ACTIVATION.relu,
  silu: ACTIVATION.silu,
};

/**
 * Lays out an encoder of supported.ts; `deltas` are the vectors that a task may change, in their order. Throws
 * FormatError `engine-unsupported` for an encoder that the kernels cannot compute.
 */
export function layOut(
  config: EncoderConfig,
  deltas: readonly TensorSpec[],
  places: Places,
): Layout {
  const { encoder } = config;
  const axes = axesOf(config);
  const slots = new Map<string, Slot>();
  const ones: { at: number; length: number }[] = [];
  const vectors = placeVectors(config, deltas, axes, places);
  for (const [name, { at, axis }] of vectors.byName) {
    slots.set(name, floats([numbersOf(axis)], axis, vectors.at + at));
  }

  function matrixOf(specs: readonly LinearSpec[]): Matrix {
    const rows = axes.inputs(specs[0]!);
    const inputs = lengthOf(rows);
    const outputs = widthOf(specs, axes);
    const weights = places.allocate(inputs * outputs);
    const scales = places.allocate(4 * outputs);
    let from = 0;
    const linears = specs.map((spec) => {
      const weight = `${spec.name}.weight`;
      const columns = axes.outputs(spec);
      const dims = [spec.inputs, spec.outputs] as const;
      slots.set(weight, { kind: "matrix", dims, rows, columns, at: weights + from * inputs });
      slots.set(scaleName(weight), floats([spec.outputs], columns, scales + 4 * from));
      const width = lengthOf(columns);
      from += width;
      return { name: spec.name, from: from - width, width, inputs: rows, outputs: columns };
    });
    return { inputs, outputs, weights, scales, bias: vectors.joined(specs), linears };
  }

  /** One scale for every column of a linear's input. */
  function inputScaleOf(spec: LinearSpec): number {
    const axis = axes.inputs(spec);
    const at = places.allocate(4 * lengthOf(axis));
    ones.push({ at, length: lengthOf(axis) });
    const { inputScale } = spec;
    if (inputScale !== undefined) slots.set(inputScale, floats([spec.inputs], axis, at, false));
    return at;
  }

  function normsOf({
    norms,
    attentionNorm,
    feedForwardNorm,
  }: BlockSpec): Pick<Layer, "inputNorm" | "middleNorm" | "outputNorm"> {
    const second = vectors.norm(feedForwardNorm);
    const first = attentionNorm && vectors.norm(attentionNorm);
    if (norms === "pre") return { inputNorm: first, middleNorm: second, outputNorm: null };
    if (first === null) return unsupported("a post-norm layer has no norm behind its attention");
    return { inputNorm: null, middleNorm: first, outputNorm: second };
  }

  function layerOf(block: BlockSpec): Layer {
    const { attention, feedForward } = block;
    const { project, output, widen, narrow } = linearsOf(block);
    return {
      ...normsOf(block),
      project: matrixOf(project),
      output: matrixOf(output),
      rotation: attention.rotaryTheta === null ? null : thetas.indexOf(attention.rotaryTheta),
      window: attention.window ?? EVERY_TOKEN,
      widen: matrixOf(widen),
      isGated: feedForward.form !== "plain",
      activation: ACTIVATION_OF[feedForward.activation],
      narrow: matrixOf(narrow),
      projectScale: inputScaleOf(project[0]!),
      widenScale: inputScaleOf(feedForward.up),
    };
  }

  /** Slots of a table and its scales; the function finds the table when the files have been read. */
  function tableOf({ name, rows }: TableSpec): (tables: ReadonlyMap<string, PlacedTable>) => Table {
    const scales = places.allocate(4 * rows);
    slots.set(name, { kind: "table", rows, width });
    slots.set(scaleName(name), floats([rows, 1], axisOf(rows, 1, rows), scales, false));
    return (tables) => ({ ...tables.get(name)!, scales, rows });
  }

  const { width, words, positions, types, norm, projection } = encoder.embeddings;
  const wordTable = tableOf(words);
  const positionTable = positions && tableOf(positions);
  const typeTable = types && tableOf(types);
  const thetas = thetasOf(encoder.blocks);
  const layers = encoder.blocks.map(layerOf);
  const { hidden, heads, kvHeads, headSize, intermediate, maxPositions, firstPosition } = config;
  const shape: ModelShape = {
    widths: {
      hidden: paddedTo(hidden),
      embeddings: paddedTo(width),
      head: paddedTo(headSize),
      intermediate: paddedTo(intermediate),
    },
    hidden,
    headSize,
    heads,
    kvHeads,
    head: axes.head,
    maxPositions,
    firstPosition,
    embeddingsNorm: norm && vectors.norm(norm),
    embeddingsProjection: projection && matrixOf([projection]),
    finalNorm: encoder.finalNorm && vectors.norm(encoder.finalNorm),
    layers,
    thetas,
    vectors: vectors.at,
    vectorsWidth: vectors.width,
    numDeltas: vectors.numDeltas,
    deltas: vectors.deltas,
    numZeros: vectors.numZeros,
  };
  return {
    slots,
    ones,
    shape,
    model: (tables) => ({
      ...shape,
      words: wordTable(tables),
      positions: positionTable && positionTable(tables),
      types: typeTable && typeTable(tables),
    }),
  };
}

const floats = (dims: readonly number[], axis: Axis, at: number, isRequired = true): Slot => ({
  kind: "floats",
  dims,
  axis,
  at,
  isRequired,
});

/** The form of a stored table [rows, width], null for one that no form has. */
export function tableForm(
  dtype: string,
  columns: number,
  width: number,
): PlacedTable["form"] | null {
  if (dtype === "float32" && columns === width) return TABLE.float32;
  if (dtype === "int8" && columns === width) return TABLE.int8;
  if (dtype === "uint8" && columns === width) return TABLE.uint8;
  return dtype === "uint8" && 2 * columns === width ? TABLE.uint4 : null;
}
