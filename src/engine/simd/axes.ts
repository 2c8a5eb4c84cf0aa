/** What lies where along the rows and columns of an encoder's matrices, and which sizes the kernels take. */
import { FormatError } from "../../core/errors.ts";
import type { EncoderConfig } from "../../encoder/families/architecture.ts";
import type { BlockSpec } from "../../encoder/layers/block.ts";
import type { LinearSpec } from "../../encoder/layers/linear.ts";
import { MAX_HEAD_SIZE, MAX_INPUTS } from "./kernels/kernels.ts";
import { axisOf, headAxis, lengthOf, repeated } from "./padding.ts";
import type { Axis } from "./padding.ts";

/** The linears of a layer; those that read the same rows are one matrix. */
export const linearsOf = ({ attention, feedForward }: BlockSpec) =>
  ({
    project:
      attention.form === "separate"
        ? [attention.query, attention.key, attention.value]
        : [attention.all],
    output: [attention.output],
    widen: feedForward.form === "gated" ? [feedForward.gate, feedForward.up] : [feedForward.up],
    narrow: [feedForward.down],
  }) satisfies Record<string, readonly LinearSpec[]>;

/** The axes of each matrix. */
export interface Axes {
  readonly head: Axis;
  inputs(spec: LinearSpec): Axis;
  outputs(spec: LinearSpec): Axis;
}

/** Heads and halves of a gated block are runs of their own; every other width is one. */
export function axesOf({ headSize, intermediate, encoder }: EncoderConfig): Axes {
  const head = headAxis(headSize, thetasOf(encoder.blocks).length > 0);
  const inputs = new Map<LinearSpec, Axis>();
  const outputs = new Map<LinearSpec, Axis>();
  for (const block of encoder.blocks) {
    const { project, output, widen, narrow } = linearsOf(block);
    for (const spec of project) outputs.set(spec, repeated(head, spec.outputs / headSize));
    for (const spec of output) inputs.set(spec, repeated(head, spec.inputs / headSize));
    for (const spec of widen) outputs.set(spec, axisOf(intermediate, spec.outputs / intermediate));
    for (const spec of narrow) inputs.set(spec, axisOf(intermediate));
  }
  return {
    head,
    inputs: (spec) => inputs.get(spec) ?? axisOf(spec.inputs),
    outputs: (spec) => outputs.get(spec) ?? axisOf(spec.outputs),
  };
}

/** Columns of linears side by side. */
export const widthOf = (linears: readonly LinearSpec[], axes: Axes): number =>
  linears.reduce((sum, spec) => sum + lengthOf(axes.outputs(spec)), 0);

/** Each base of rotary angles once. */
export const thetasOf = (blocks: readonly BlockSpec[]): number[] => [
  ...new Set(blocks.flatMap(({ attention: { rotaryTheta } }) => rotaryTheta ?? [])),
];

/** Throws `engine-unsupported` for sizes that the kernels do not take. */
export function checkWidths({ hidden, headSize, intermediate, encoder }: EncoderConfig): void {
  const { width } = encoder.embeddings;
  const widths = {
    hidden_size: hidden,
    embedding_size: width,
    head_dim: headSize,
    intermediate_size: intermediate,
  };
  for (const [name, size] of Object.entries(widths)) {
    const most = name === "head_dim" ? MAX_HEAD_SIZE : MAX_INPUTS;
    if (size > most) unsupported(`${name} is ${size}, allowed are ${most}`);
  }
  if (thetasOf(encoder.blocks).length > 0 && headSize % 2 > 0) {
    unsupported(`head_dim is ${headSize}, expected an even number, as its positions are rotary`);
  }
}

export function unsupported(what: string): never {
  throw new FormatError(
    "engine-unsupported",
    `engine simd: ${what}; serve this base by onnxruntime`,
  );
}
