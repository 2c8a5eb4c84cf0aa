/**
 * Which tags follow which. A head says for each word alone how likely each tag is; the tags of a text
 * are better chosen together, as in a linear-chain conditional random field (Lafferty et al., 2001;
 * names as in pytorch-crf): the sum of the words' logits and of what each pair of neighbours earns.
 */
import { wordRanges } from "./tokenizer.ts";

/** Scores of neighbours, on the scale of logits. */
export interface Transitions {
  /** [C, C]: from the tag of a word (row) to that of the next. */
  readonly between: Float32Array;
  /** [C]: of the first word's tag. */
  readonly start: Float32Array;
}

/**
 * Max-marginals of a chain: for each word [C] how much the best tagging of the whole text in which it
 * has that tag falls short of the best of all, so the best tagging is each row's 0 and the others are
 * below. As logits they mean the same as without transitions, where they differ by a constant only.
 *
 * Viterbi's recursion from both ends: O(words * C^2).
 */
export function maxMarginals(
  logits: readonly Float32Array[],
  { between, start }: Transitions,
): Float32Array[] {
  const plus = (scores: Float64Array, row: Float32Array): Float64Array =>
    scores.map((score, c) => score + row[c]!);
  // In the type of the scores: converting in the innermost loop doubles its time.
  const [into, outOf] = [transposed(between, start.length), Float64Array.from(between)];
  // Of each word, by its tag: the best score of the words up to and including it..
  const upTo: Float64Array[] = [];
  for (const row of logits) {
    const before = upTo.at(-1);
    upTo.push(plus(before ? bestSteps(before, into) : Float64Array.from(start), row));
  }
  const best = Math.max(...(upTo.at(-1) ?? []));
  // .. and of those after it.
  let after: Float64Array = new Float64Array(start.length);
  const marginals: Float32Array[] = [];
  for (let w = logits.length - 1; w >= 0; w--) {
    const here = after;
    marginals[w] = Float32Array.from(upTo[w]!, (score, c) => score + here[c]! - best);
    after = bestSteps(plus(after, logits[w]!), outOf);
  }
  return marginals;
}

/** For each tag (row of `steps` [C, C]) the best of `scores` [C] with what the step there or from there earns. */
function bestSteps(scores: Float64Array, steps: Float64Array): Float64Array {
  const C = scores.length;
  const best = new Float64Array(C);
  // The innermost loop of a text's decoding: no calls, one row after the other.
  for (let tag = 0, at = 0; tag < C; tag++) {
    let most = -Infinity;
    for (let other = 0; other < C; other++, at++) {
      const score = scores[other]! + steps[at]!;
      if (score > most) most = score;
    }
    best[tag] = most;
  }
  return best;
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
 * Logits [C] of every piece, decided by whole words: the chain runs over the words' first pieces, and
 * a word's later pieces go on with what its first one says.
 */
export function decideWords(
  logits: readonly Float32Array[],
  wordIds: Int32Array,
  labels: readonly string[],
  transitions: Transitions,
): Float32Array[] {
  const words = wordRanges(wordIds);
  const marginals = maxMarginals(
    words.map(([first]) => logits[first]!),
    transitions,
  );
  const next = continuations(labels);
  return words.flatMap(([from, to], w) => {
    const row = marginals[w]!;
    const later = continuedRow(row, next);
    return Array.from({ length: to - from }, (_, i) => (i === 0 ? row : later));
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
