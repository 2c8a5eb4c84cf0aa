/**
 * Numbers as labels are learned with mean 0 and deviation 1, whatever their unit, so that the same
 * learning rate suits prices and ratings. The head that is saved answers in the unit of the labels.
 */
import { InputError } from "../../core/errors.ts";
import { CLASSIFIER_BIAS, CLASSIFIER_WEIGHT } from "../../core/model/shapes.ts";
import { float32 } from "../../core/model/tensor.ts";
import type { Tensor, TensorOf } from "../../core/model/tensor.ts";
import type { Example } from "./read.ts";

export interface LabelScale {
  readonly mean: number;
  readonly deviation: number;
}

/** Beyond this a head in 32 bits, which has seven digits, says too little about the last ones. */
const MAX_NUMBER = 1_000_000;

/** Throws InputError `labels-too-few` where all numbers are the same, `label-out-of-range`. */
export function checkNumbers(examples: readonly Example[]): void {
  const values = numbersOf(examples);
  if (values.every((value) => value === values[0])) {
    throw new InputError("labels-too-few", `all numbers to learn from are ${values[0]}`);
  }
  const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  if (largest > MAX_NUMBER) {
    throw new InputError(
      "label-out-of-range",
      `a number to learn from is ${largest} away from 0, allowed are ${MAX_NUMBER}; divide them all (by 1,000, say)`,
    );
  }
}

/** Mean and deviation of the labels; the deviation of equal ones, as a fold may have, counts as 1. */
export function labelScaleOf(examples: readonly Example[]): LabelScale {
  const values = numbersOf(examples);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) || 1 };
}

const numbersOf = (examples: readonly Example[]): number[] =>
  examples.map(({ labels }) => Number(labels[0]));

/** A label as it is learned. */
export const scaled = (label: string, { mean, deviation }: LabelScale): number =>
  (Number(label) - mean) / deviation;

/** The head [C, H], [C] in the unit of the labels; other tensors stay as they are. */
export function unscaledHead(
  tensors: ReadonlyMap<string, Tensor>,
  { mean, deviation }: LabelScale,
): ReadonlyMap<string, Tensor> {
  const floats = (name: string): TensorOf<"float32"> => {
    const tensor = tensors.get(name);
    if (tensor?.dtype === "float32") return tensor;
    throw new TypeError(`a head without ${name} cannot be scaled`);
  };
  const weight = floats(CLASSIFIER_WEIGHT);
  const bias = floats(CLASSIFIER_BIAS);
  return new Map([
    ...tensors,
    [
      CLASSIFIER_WEIGHT,
      float32(
        weight.dims,
        weight.data.map((x) => x * deviation),
      ),
    ],
    [
      CLASSIFIER_BIAS,
      float32(
        bias.dims,
        bias.data.map((x) => x * deviation + mean),
      ),
    ],
  ]);
}
