/**
 * Hidden states x head -> logits, in plain TypeScript: a head is so small that a graph for it would
 * only tie the base to a task. The training graph holds the same formulas in ONNX; a parity test
 * ties the two.
 */
import type { Pieces } from "../tokenizer/tokenizer.ts";
import { tanh } from "./exponential.ts";
import type { Prototypes } from "./prototypes.ts";
import { decideWords } from "./transitions.ts";
import type { Transitions } from "./transitions.ts";
import type { InTurns } from "../turns.ts";
import { WORD_SHAPES, shapedWords } from "./word-shapes.ts";

/** How a row's hidden states become the head's input; token tasks use every position ("none"). */
export type Pooling = "pooler" | "cls" | "mean" | "none";

/** A task's linear layer, and what a token task may add to it. */
export interface Head {
  readonly weight: Float32Array; // [C, H]
  readonly bias: Float32Array; // [C]
  /** What each word shape adds to the logits: [C, S]; null: nothing. */
  readonly shapeWeight: Float32Array | null;
  /** null: each piece is tagged by itself. */
  readonly transitions: Transitions | null;
  /** null: the task has no label for texts that fit none. */
  readonly prototypes: Prototypes | null;
}

/** The checkpoint's own pooler: tanh(W x + b) over the first token, as Hugging Face's BertPooler. */
export interface Pooler {
  readonly weight: Float32Array; // [H, H], out x in
  readonly bias: Float32Array; // [H]
}

/** y = W x + b for W [out, in]. Accumulates in double precision, so that it adds no noise. */
export function linear(
  x: Float32Array,
  weight: Float32Array,
  bias: Float32Array,
  y = new Float32Array(bias.length),
): Float32Array {
  const width = x.length;
  for (let o = 0; o < y.length; o++) {
    let sum = bias[o]!;
    const row = o * width;
    for (let i = 0; i < width; i++) sum += x[i]! * weight[row + i]!;
    y[o] = sum;
  }
  return y;
}

/**
 * One row's hidden states [q, H] -> the head's input [H]. `length` counts the row's real tokens;
 * `mean` averages over them, `cls` and `pooler` read the first.
 */
export function pool(
  hidden: Float32Array,
  length: number,
  hiddenSize: number,
  pooling: Exclude<Pooling, "none">,
  pooler: Pooler | null,
): Float32Array {
  switch (pooling) {
    case "cls":
      return hidden.slice(0, hiddenSize);
    case "pooler": {
      if (pooler === null) throw new TypeError("pooling by pooler needs the base's pooler");
      return linear(hidden.subarray(0, hiddenSize), pooler.weight, pooler.bias).map(tanh);
    }
    case "mean": {
      const sums = new Float64Array(hiddenSize);
      for (let t = 0; t < length; t++) {
        for (let h = 0; h < hiddenSize; h++) sums[h] = sums[h]! + hidden[t * hiddenSize + h]!;
      }
      return Float32Array.from(sums, (sum) => sum / length);
    }
    default:
      return pooling satisfies never;
  }
}

/** Hidden states [q, H] of `length` tokens -> logits [length][C], one row per token, in one buffer. */
export function tokenLogits(
  hidden: Float32Array,
  length: number,
  hiddenSize: number,
  head: Pick<Head, "weight" | "bias">,
): Float32Array[] {
  const C = head.bias.length;
  const all = new Float32Array(length * C);
  return Array.from({ length }, (_, t) =>
    linear(
      hidden.subarray(t * hiddenSize, (t + 1) * hiddenSize),
      head.weight,
      head.bias,
      all.subarray(t * C, (t + 1) * C),
    ),
  );
}

/** Words that are looked at before others have a turn. */
const WORDS_A_TURN = 1 << 11;

/**
 * Adds to the logits [C] of a text's pieces, in their place, what the text itself says: how its words
 * are written, then which tags follow which. Windows have been merged before: a text is one chain.
 */
export function* addText(
  logits: readonly Float32Array[],
  text: string,
  pieces: Pieces,
  labels: readonly string[],
  { shapeWeight, transitions }: Pick<Head, "shapeWeight" | "transitions">,
): InTurns<readonly Float32Array[]> {
  if (shapeWeight) {
    const size = WORD_SHAPES.length;
    let words = 0;
    for (const [from, to, shape] of shapedWords(text, pieces)) {
      for (let piece = from; piece < to; piece++) {
        const row = logits[piece]!;
        for (let c = 0; c < row.length; c++) row[c]! += shapeWeight[c * size + shape]!;
      }
      words += 1;
      if (words % WORDS_A_TURN === 0) yield;
    }
  }
  if (!transitions) return logits;
  return yield* decideWords(logits, pieces.wordIds, labels, transitions);
}
