/**
 * Changes of linears by products of low rank (LoRA, arXiv 2106.09685): y = x W + b + (x A^T) B. The
 * scale that PEFT keeps beside them is part of B here.
 *
 * On disk, spelled as PEFT spells them behind the linear's own name: `<linear>.lora_A.weight` [r, in],
 * `<linear>.lora_B.weight` [out, r].
 */
import { FormatError, MismatchError } from "../errors.ts";
import { transposed } from "./tensor.ts";

/** The factors of one linear. */
export interface LowRankFactors {
  readonly rank: number; // r
  readonly a: Float32Array; // [r, in]
  readonly b: Float32Array; // [r, out]: the rows that are added
}

/** Factors by the name of their linear, such as "encoder.layer.0.attention.self.query". */
export type LowRank = ReadonlyMap<string, LowRankFactors>;

/** Widths of a linear. */
export interface LinearSize {
  readonly inputs: number;
  readonly outputs: number;
}

/** More says nothing that a task of its own base would not say better, and costs every row. */
export const MAX_RANK = 256;

export const loraA = (linear: string): string => `${linear}.lora_A.weight`;
export const loraB = (linear: string): string => `${linear}.lora_B.weight`;

/** The linear whose factor `tensor` is, null for any other tensor. */
export const linearOf = (tensor: string): string | null =>
  /^(.+)\.lora_[AB]\.weight$/.exec(tensor)?.[1] ?? null;

interface Matrix {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/**
 * Factors of `linear` from A [r, in] and B [out, r], B times `scale`. Throws FormatError
 * `tensor-shape-mismatch` unless both have the same rank, from 1 to MAX_RANK.
 */
export function lowRankFactors(
  subject: string,
  a: Matrix,
  b: Matrix,
  scale: (rank: number) => number = () => 1,
): LowRankFactors {
  const [rank = 0] = a.dims;
  const [outputs = 0] = b.dims;
  const isPair = a.dims.length === 2 && b.dims.length === 2 && b.dims[1] === rank;
  if (!isPair || rank < 1 || rank > MAX_RANK) {
    throw new FormatError(
      "tensor-shape-mismatch",
      `${subject}: lora_A is [${a.dims.join(", ")}] and lora_B [${b.dims.join(", ")}], expected [r, in] and [out, r] with r from 1 to ${MAX_RANK}`,
    );
  }
  return { rank, a: a.values, b: transposed(b.values, outputs, rank, scale(rank)) };
}

/** Throws MismatchError `prefix-base-mismatch` for a change of a linear that is not among these. */
export function checkLinears(change: LowRank, linears: ReadonlyMap<string, LinearSize>): void {
  for (const [name, { rank, a, b }] of change) {
    const size = linears.get(name);
    if (size && a.length === rank * size.inputs && b.length === rank * size.outputs) continue;
    throw new MismatchError(
      "prefix-base-mismatch",
      `task: its low-rank change of ${name} is of [${a.length / rank}, ${b.length / rank}], ${size ? `the base's linear is [${size.inputs}, ${size.outputs}]` : "the base has no such linear"}`,
    );
  }
}

/** Bytes of all factors. */
export const lowRankBytes = (lowRank: LowRank): number =>
  [...lowRank.values()].reduce((sum, { a, b }) => sum + a.byteLength + b.byteLength, 0);
