/**
 * The wrong answers that surprised the model most. They are where a label is wrong, a text is
 * ambiguous, or something is missing in the training data, and so the best place to begin.
 */
import { scoresOf } from "../../src/core/model/decode.ts";
import type { Example } from "../../src/learn/data/read.ts";
import type { Decisions, Decoder, JudgedLogits } from "../../src/learn/measure/decisions.ts";
import type { HardExample } from "./facts.ts";

const MAX_HARDEST = 20;
/** Keeps the loss of what was held to be impossible finite. */
const LEAST = 1e-30;

/** A row that was judged: what is true, what was answered, and the logits behind it. */
interface Judged<T> {
  readonly example: Example;
  readonly truth: T;
  readonly answer: T;
  readonly rows: readonly (Float32Array | null)[];
}

/** Wrong answers by their loss, highest first; a truth that the task does not know has none. */
export function hardestExamples(
  decoder: Decoder,
  examples: readonly Example[],
  logits: JudgedLogits,
  decisions: Decisions,
  limit = MAX_HARDEST,
): HardExample[] {
  const judged = <T>(truth: readonly T[], predicted: readonly T[]): Judged<T>[] =>
    examples.map((example, i) => ({
      example,
      truth: truth[i]!,
      answer: predicted[i]!,
      rows: logits[i]!,
    }));
  return wrongOnes()
    .sort((a, b) => b.loss - a.loss)
    .slice(0, limit);

  function wrongOnes(): HardExample[] {
    switch (decisions.kind) {
      case "class":
        return judged(decisions.truth, decisions.predicted).flatMap((row) =>
          hardClass(decoder, row),
        );
      case "token":
        return judged(decisions.truth, decisions.predicted).flatMap((row) =>
          hardTags(decoder, row),
        );
      case "multi-label":
        return judged(decisions.truth, decisions.predicted).flatMap((row) => hardSet(decoder, row));
      case "regression":
        return judged(decisions.truth, decisions.predicted).map(hardNumber);
      default:
        return decisions satisfies never;
    }
  }
}

function hardClass(decoder: Decoder, { example, truth, answer, rows }: Judged<string>) {
  if (truth === answer || !decoder.labels.includes(truth)) return [];
  const probability = probabilities(decoder, rows[0]!);
  return [
    {
      ...textsOf(example),
      truth: [truth],
      answer: [answer],
      score: probability(answer),
      loss: -Math.log(probability(truth)),
    },
  ];
}

function hardTags(decoder: Decoder, { example, truth, answer, rows }: Judged<readonly string[]>) {
  if (truth.every((tag, word) => tag === answer[word])) return [];
  const loss = truth.reduce((sum, tag, word) => {
    const row = rows[word];
    return row && decoder.labels.includes(tag)
      ? sum - Math.log(probabilities(decoder, row)(tag))
      : sum;
  }, 0);
  return [{ ...textsOf(example), truth, answer, loss, words: example.words }];
}

function hardSet(decoder: Decoder, { example, truth, answer, rows }: Judged<readonly string[]>) {
  const isTrue = new Set(truth);
  if (isTrue.size === answer.length && answer.every((label) => isTrue.has(label))) return [];
  const scores = scoresOf(rows[0]!, "sigmoid", decoder.temperature);
  const loss = decoder.labels.reduce((sum, label, c) => {
    const right = isTrue.has(label) ? scores[c]! : 1 - scores[c]!;
    return sum - Math.log(Math.max(LEAST, right));
  }, 0);
  return [{ ...textsOf(example), truth, answer, loss }];
}

const hardNumber = ({ example, truth, answer }: Judged<number>): HardExample => ({
  ...textsOf(example),
  truth: [String(truth)],
  answer: [answer.toFixed(3)],
  loss: (truth - answer) ** 2,
});

/** Softmax of a row, asked for by label. */
function probabilities({ labels, temperature }: Decoder, row: Float32Array) {
  const scores = scoresOf(row, "softmax", temperature);
  return (label: string): number => Math.max(LEAST, scores[labels.indexOf(label)]!);
}

const textsOf = ({ text, pair }: Example) => (pair === undefined ? { text } : { text, pair });
