/**
 * Which tags follow which. A head says for each word alone how likely each tag is; the tags of a text
 * are better chosen together, as in a linear-chain conditional random field (Lafferty et al., 2001;
 * names as in pytorch-crf): the sum of the words' logits and of what each pair of neighbours earns.
 */
import { wordRanges } from "../tokenizer/tokenizer.ts";
import type { InTurns } from "../turns.ts";

/** Scores of neighbours, on the scale of logits. */
export interface Transitions {
  /** [C, C]: from the tag of a word (row) to that of the next. */
  readonly between: Float32Array;
  /** [C]: of the first word's tag. */
  readonly start: Float32Array;
}

/**
 * Labels whose tags can be chosen together. A word costs twice their square: with so many, a twentieth
 * or so of what its runs through the base cost.
 */
export const MAX_CHAINED_LABELS = 128;

/** Sums that are made before others have a turn: some ten milliseconds. */
const TURN = 1 << 22;

/**
 * Max-marginals of a chain: for each word [C] how much the best tagging of the whole text in which it
 * has that tag falls short of the best of all, so the best tagging is each row's 0 and the others are
 * below. As logits they mean the same as without transitions, where they differ by a constant only.
 *
 * Viterbi's recursion from both ends: O(words * C^2). The rows of `logits` are written over, for a long
 * text's would not fit into memory twice.
 */
export function* maxMarginals(
  logits: readonly Float32Array[],
  { between, start }: Transitions,
): InTurns<readonly Float32Array[]> {
  const C = start.length;
  // In the type of the scores: converting in the innermost loop doubles its time.
  const [into, outOf] = [transposed(between, C), Float64Array.from(between)];
  const wordsATurn = Math.max(1, Math.floor(TURN / (C * C)));
  // Of each word, by its tag: the best score of the words before it, below the best of all, so that
  // single precision is enough for any number of words ..
  const before = new Float32Array(logits.length * C);
  let scores = Float64Array.from(start);
  let next = new Float64Array(C);
  for (const [w, row] of logits.entries()) {
    before.set(scores, w * C);
    add(scores, row);
    bestSteps(scores, into, next);
    [scores, next] = [next, scores];
    belowBest(scores);
    if ((w + 1) % wordsATurn === 0) yield;
  }
  // .. and of those after it.
  let after = new Float64Array(C);
  for (let w = logits.length - 1; w >= 0; w--) {
    const row = logits[w]!;
    add(after, row); // the word itself, and what comes after it
    next.set(after);
    add(next, before.subarray(w * C, (w + 1) * C));
    belowBest(next);
    row.set(next);
    bestSteps(after, outOf, next);
    [after, next] = [next, after];
    belowBest(after);
    if ((w + 1) % wordsATurn === 0) yield;
  }
  return logits;
}

/**
 * For each tag (row of `steps` [C, C]) the best of `scores` [C] with what the step there or from there
 * earns, into `best` [C].
 */
function bestSteps(scores: Float64Array, steps: Float64Array, best: Float64Array): void {
  const C = scores.length;
  // The innermost loop of a text's decoding: no calls, one row after the other.
  for (let tag = 0, at = 0; tag < C; tag++) {
    let most = -Infinity;
    for (let other = 0; other < C; other++, at++) {
      const score = scores[other]! + steps[at]!;
      if (score > most) most = score;
    }
    best[tag] = most;
  }
}

function add(scores: Float64Array, more: Float32Array | Float64Array): void {
  for (let c = 0; c < scores.length; c++) scores[c]! += more[c]!;
}

function belowBest(scores: Float64Array): void {
  let best = -Infinity;
  for (let c = 0; c < scores.length; c++) if (scores[c]! > best) best = scores[c]!;
  for (let c = 0; c < scores.length; c++) scores[c]! -= best;
}

function transposed(table: Float32Array, C: number): Float64Array {
  const turned = new Float64Array(table.length);
  for (let i = 0; i < table.length; i++) turned[(i % C) * C + Math.floor(i / C)] = table[i]!;
  return turned;
}

/** The tag of a word's later pieces: `I-` for `B-`, else the same. */
export const continued = (tag: string): string => tag.replace(/^B-/, "I-");

/** For each label the one that goes on with it, or itself where the list has no such label. */
export function continuations(labels: readonly string[]): Int32Array {
  const idOf = new Map(labels.map((label, id) => [label, id]));
  return Int32Array.from(labels, (label, id) => idOf.get(continued(label)) ?? id);
}

/**
 * Logits [C] of every piece, decided by whole words: the chain runs over the words' first pieces, whose
 * rows are written over, and a word's later pieces go on with what its first one says.
 */
export function* decideWords(
  logits: readonly Float32Array[],
  wordIds: Int32Array,
  labels: readonly string[],
  transitions: Transitions,
): InTurns<readonly Float32Array[]> {
  const words = wordRanges(wordIds);
  const firsts = words.map(([first]) => logits[first]!);
  const marginals = yield* maxMarginals(firsts, transitions);
  const next = continuations(labels);
  return words.flatMap(([from, to], w) => {
    const row = marginals[w]!;
    if (to === from + 1) return [row];
    const later = continuedRow(row, next);
    return [row, ...Array.from({ length: to - from - 1 }, () => later)];
  });
}

/** A row [C] in which the better of a tag and of the one that goes on with it is said of the latter. */
function continuedRow(row: Float32Array, next: Int32Array): Float32Array {
  const later = row.slice();
  for (const [c, into] of next.entries()) {
    if (into === c) continue;
    [later[c], later[into]] = [
      Math.min(later[c]!, later[into]!),
      Math.max(later[c]!, later[into]!),
    ];
  }
  return later;
}
