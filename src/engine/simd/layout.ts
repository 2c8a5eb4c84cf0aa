/**
 * Where everything of a base goes: its encoder's description -> a place for every tensor of its files,
 * and the model that these places make. Nothing is read or written here.
 */
import { FormatError } from "../../core/errors.ts";
import type { EncoderConfig } from "../../encoder/families/architecture.ts";
import type { BlockSpec } from "../../encoder/layers/block.ts";
import type { TableSpec } from "../../encoder/layers/embeddings.ts";
import type { LinearSpec } from "../../encoder/layers/linear.ts";
import type { NormSpec } from "../../encoder/layers/norm.ts";
import type { TensorSpec } from "../../encoder/layers/tensor-spec.ts";
import { scaleName } from "../../graph/quantization/int8.ts";
import type { Activation } from "../../graph/ops.ts";
import type { Places } from "./heap.ts";
import {
  ACTIVATION,
  EVERY_TOKEN,
  MAX_HEAD_SIZE,
  MAX_INPUTS,
  TABLE,
  WIDTH_UNIT,
} from "./kernels/kernels.ts";
import type { Layer, Matrix, Model, ModelShape, Norm, Table } from "./model.ts";

/** The place of one tensor. */
export type Slot =
  /** float32, copied as it is. Optional ones have a value of their own where the files lack them. */
  | {
      readonly kind: "floats";
      readonly dims: readonly number[];
      readonly at: number;
      readonly isRequired: boolean;
    }
  /** uint8 [K, N] that is packed to `at`. */
  | { readonly kind: "matrix"; readonly dims: readonly [number, number]; readonly at: number }
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
 * Lays out an encoder; `deltas` are the vectors that a task may change, in their order. Throws
 * FormatError `engine-unsupported` for an encoder that the kernels cannot compute.
 */
export function layOut(
  config: EncoderConfig,
  deltas: readonly TensorSpec[],
  places: Places,
): Layout {
  checkWidths(config);
  const { hidden, encoder } = config;
  const slots = new Map<string, Slot>();
  const ones: { at: number; length: number }[] = [];
  const vectors = placeVectors(config, deltas, places);
  for (const [name, { at, length }] of vectors.byName) {
    slots.set(name, { kind: "floats", dims: [length], at: vectors.at + at, isRequired: true });
  }

  function matrixOf(specs: readonly LinearSpec[]): Matrix {
    const inputs = specs[0]!.inputs;
    const outputs = outputsOf(specs);
    const weights = places.allocate(inputs * outputs);
    const scales = places.allocate(4 * outputs);
    let from = 0;
    for (const { name, outputs: own } of specs) {
      const weight = `${name}.weight`;
      slots.set(weight, { kind: "matrix", dims: [inputs, own], at: weights + from * inputs });
      slots.set(scaleName(weight), floats([own], scales + 4 * from));
      from += own;
    }
    return { inputs, outputs, weights, scales, bias: vectors.joined(specs) };
  }

  /** One scale for every column of a linear's input. */
  function inputScaleOf({ inputScale, inputs }: LinearSpec): number {
    const at = places.allocate(4 * inputs);
    ones.push({ at, length: inputs });
    if (inputScale !== undefined) slots.set(inputScale, floats([inputs], at, false));
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
    slots.set(scaleName(name), floats([rows, 1], scales, false));
    return (tables) => ({ ...tables.get(name)!, scales, rows });
  }

  const { width, words, positions, types, norm, projection } = encoder.embeddings;
  const wordTable = tableOf(words);
  const positionTable = positions && tableOf(positions);
  const typeTable = types && tableOf(types);
  const thetas = thetasOf(encoder.blocks);
  const layers = encoder.blocks.map(layerOf);
  const { heads, kvHeads, headSize, intermediate, maxPositions, firstPosition } = config;
  const shape: ModelShape = {
    hidden,
    embeddingWidth: width,
    heads,
    kvHeads,
    headSize,
    intermediate,
    maxPositions,
    firstPosition,
    embeddingsNorm: norm && vectors.norm(norm),
    embeddingsProjection: projection && matrixOf([projection]),
    finalNorm: encoder.finalNorm && vectors.norm(encoder.finalNorm),
    layers,
    thetas,
    vectors: vectors.at,
    numDeltas: vectors.numDeltas,
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

const floats = (dims: readonly number[], at: number, isRequired = true): Slot => ({
  kind: "floats",
  dims,
  at,
  isRequired,
});

/** The linears of a layer; those that read the same rows are one matrix. */
const linearsOf = ({ attention, feedForward }: BlockSpec) =>
  ({
    project:
      attention.form === "separate"
        ? [attention.query, attention.key, attention.value]
        : [attention.all],
    output: [attention.output],
    widen: feedForward.form === "gated" ? [feedForward.gate, feedForward.up] : [feedForward.up],
    narrow: [feedForward.down],
  }) satisfies Record<string, readonly LinearSpec[]>;

const outputsOf = (linears: readonly LinearSpec[]): number =>
  linears.reduce((sum, { outputs }) => sum + outputs, 0);

/** Each base of rotary angles once. */
const thetasOf = (blocks: readonly BlockSpec[]): number[] => [
  ...new Set(blocks.flatMap(({ attention: { rotaryTheta } }) => rotaryTheta ?? [])),
];

interface Vectors {
  readonly at: number;
  readonly numDeltas: number;
  readonly numZeros: number;
  /** Offsets in bytes. */
  readonly byName: ReadonlyMap<string, { readonly at: number; readonly length: number }>;
  norm(spec: NormSpec): Norm;
  /** Offset of the biases of linears side by side. */
  joined(specs: readonly LinearSpec[]): number;
}

/** First what a task may change, then zeros, then what stands before and behind the layers. */
function placeVectors(
  { hidden, encoder }: EncoderConfig,
  deltas: readonly TensorSpec[],
  places: Places,
): Vectors {
  const byName = new Map<string, { at: number; length: number }>();
  let end = 0;
  const add = (name: string, length: number): void => {
    byName.set(name, { at: 4 * end, length });
    end += length;
  };
  for (const { name, dims } of deltas) add(name, dims[0]!);
  const numDeltas = end;
  const matrices = encoder.blocks.flatMap((block) => Object.values(linearsOf(block)));
  const numZeros = Math.max(hidden, ...matrices.map(outputsOf));
  const zeros = 4 * end;
  end += numZeros;
  for (const norm of [encoder.embeddings.norm, encoder.finalNorm]) {
    if (!norm) continue;
    add(`${norm.name}.weight`, norm.width);
    if (norm.hasBias) add(`${norm.name}.bias`, norm.width);
  }
  const { projection } = encoder.embeddings;
  if (projection?.hasBias) add(`${projection.name}.bias`, projection.outputs);
  const at = places.allocate(4 * end);
  const offsetOf = (name: string): number => byName.get(name)!.at;
  return {
    at,
    numDeltas,
    numZeros,
    byName,
    norm: ({ name, kind, hasBias, epsilon }) => ({
      kind,
      gamma: offsetOf(`${name}.weight`),
      beta: hasBias ? offsetOf(`${name}.bias`) : zeros,
      epsilon,
    }),
    joined(specs) {
      const [first] = specs;
      if (specs.every(({ hasBias }) => !hasBias)) return zeros;
      let next = offsetOf(`${first!.name}.bias`);
      const start = next;
      for (const { name, outputs, hasBias } of specs) {
        if (!hasBias || offsetOf(`${name}.bias`) !== next) {
          return unsupported(`the biases beside ${name}.bias are not side by side`);
        }
        next += 4 * outputs;
      }
      return start;
    },
  };
}

/** Throws `engine-unsupported` for sizes that the kernels do not take. */
function checkWidths({ hidden, headSize, intermediate, encoder }: EncoderConfig): void {
  const { width } = encoder.embeddings;
  const widths = {
    hidden_size: hidden,
    embedding_size: width,
    head_dim: headSize,
    intermediate_size: intermediate,
  };
  for (const [name, size] of Object.entries(widths)) {
    if (size % WIDTH_UNIT !== 0) {
      unsupported(`${name} is ${size}, expected a multiple of ${WIDTH_UNIT}`);
    }
    const most = name === "head_dim" ? MAX_HEAD_SIZE : MAX_INPUTS;
    if (size > most) unsupported(`${name} is ${size}, allowed are ${most}`);
  }
}

function unsupported(what: string): never {
  throw new FormatError(
    "engine-unsupported",
    `engine simd: ${what}; serve this base by onnxruntime`,
  );
}

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
