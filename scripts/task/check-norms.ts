/**
 * Numbers that are finite and yet cannot be a trained task's: a file read with the wrong dtype, an
 * exponent gone astray, a run that diverged. Attention would put all of its weight on one virtual
 * token and answer every text alike, which no shape check sees.
 */
import { FormatError } from "../../src/core/errors.ts";
import type { BaseConfiguration } from "../../src/core/format/configuration.ts";
import type { Task } from "../../src/core/format/task.ts";

/**
 * Largest root mean square of one virtual token's key or value in one layer, and of one label's row
 * of the head. Prefixes are drawn with 1 and end between 0.1 and 10; this is far above any of them.
 */
export const MAX_RMS = 100;

/** Throws FormatError `prefix-norm-absurd` that names the place. */
export function checkNorms(
  { manifest, prefix, head }: Task,
  { head_dim: headDim }: Pick<BaseConfiguration, "head_dim">,
): void {
  const subject = `task "${manifest.task}"`;
  const check = (place: string, rms: number): void => {
    if (rms <= MAX_RMS) return;
    throw new FormatError(
      "prefix-norm-absurd",
      `${subject}: ${place} has a root mean square of ${rms.toPrecision(3)}, allowed is ${MAX_RMS} (trained ones lie between 0.1 and 10); did the training diverge, or was the file written with another dtype?`,
    );
  };
  const count = prefix.numVirtualTokens;
  for (const [layer, sides] of count > 0 ? prefix.layers.entries() : []) {
    for (const side of ["key", "value"] as const) {
      const token = largestToken(sides[side], count, headDim);
      check(`the ${side} of virtual token ${token.index} in layer ${layer}`, token.rms);
    }
  }
  if (prefix.deltas) {
    check("the vector of bias deltas", rootMeanSquare(prefix.deltas.biasDeltas));
    check("the vector of layer weights", rootMeanSquare(prefix.deltas.layerWeights));
  }
  for (const [linear, { a, b }] of prefix.lowRank ?? []) {
    check(`lora_A of ${linear}`, rootMeanSquare(a));
    check(`lora_B of ${linear}`, rootMeanSquare(b));
  }
  const hidden = head.weight.length / manifest.labels.length;
  for (const [label, name] of manifest.labels.entries()) {
    const row = head.weight.subarray(label * hidden, (label + 1) * hidden);
    check(`the head's row of label "${name}"`, rootMeanSquare(row));
  }
  check("the head's bias", rootMeanSquare(head.bias));
  if (head.shapeWeight) check("the head's weight of word shapes", rootMeanSquare(head.shapeWeight));
  if (head.transitions) {
    check("the table of transitions", rootMeanSquare(head.transitions.between));
    check("the vector of start transitions", rootMeanSquare(head.transitions.start));
  }
}

/** Of keys or values [N, P, D]: the virtual token with the largest root mean square over N and D. */
function largestToken(
  values: Float32Array,
  count: number,
  headDim: number,
): { index: number; rms: number } {
  const sums = new Float64Array(count);
  for (let i = 0; i < values.length; i++) {
    sums[Math.floor(i / headDim) % count]! += values[i]! ** 2;
  }
  const index = sums.reduce((best, sum, at) => (sum > sums[best]! ? at : best), 0);
  return { index, rms: Math.sqrt((sums[index]! * count) / values.length) };
}

const rootMeanSquare = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
