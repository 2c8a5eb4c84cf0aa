/** From the logits of the evaluation rows to what the report says of them. */
import { answerLabels, labelScores, scoresOf } from "../core/model/decode.ts";
import type { Example } from "../learn/data/read.ts";
import { reliabilityOf } from "../learn/measure/calibration.ts";
import type { CrossValidation } from "../learn/measure/cross-validation.ts";
import { casesOf, decide, entitiesOf } from "../learn/measure/decisions.ts";
import type { Decisions, Decoder, JudgedLogits } from "../learn/measure/decisions.ts";
import type { TagSpan } from "../learn/measure/entities.ts";
import type { Evaluation, FileEvaluation } from "../learn/measure/evaluate.ts";
import type {
  ConfusionCell,
  EntityOutcomes,
  EvaluationFacts,
  MetricFact,
  HardExample,
} from "./facts.ts";

/** Dots of a scatter plot; beyond, every n-th row is drawn. */
const MAX_POINTS = 2_000;

export interface EvaluationSource {
  readonly name: string;
  readonly crossValidation?: CrossValidation | undefined;
  /** What answered: "int8, onnxruntime-web". */
  readonly runtime: string;
  readonly examples: readonly Example[];
  readonly logits: JudgedLogits;
  readonly evaluation: Evaluation;
  /** The parts of it, where several files are measured. */
  readonly files?: readonly FileEvaluation[];
  /** Whether texts of the examples may appear. */
  readonly hasTexts: boolean;
}

export function evaluationFacts(decoder: Decoder, source: EvaluationSource): EvaluationFacts {
  const { examples, logits, evaluation } = source;
  const decisions = decide(decoder, examples, logits);
  const cases = casesOf(decoder, examples, logits);
  const { metrics } = evaluation;
  const labels = "labels" in metrics ? metrics.labels : undefined;
  return {
    name: source.name,
    rows: examples.length,
    crossValidation: source.crossValidation,
    runtime: source.runtime,
    metrics: metricFacts(evaluation),
    files: source.files?.map(({ name, rows, score }) => ({
      name,
      rows,
      score: { name: score.name, value: score.value, interval: [score.low, score.high] },
    })),
    labels,
    confusion:
      decisions.kind === "class" ? confusionCells(decisions.truth, decisions.predicted) : undefined,
    entities: decisions.kind === "token" ? entityOutcomes(decisions) : undefined,
    regression: decisions.kind === "regression" ? regressionPoints(decisions) : undefined,
    calibration:
      cases.length > 0
        ? {
            temperature: decoder.temperature,
            before: reliabilityOf(cases, 1),
            after: reliabilityOf(cases, decoder.temperature),
          }
        : undefined,
    hardest: source.hasTexts ? hardestExamples(decoder, examples, logits, decisions) : undefined,
  };
}

/** The numbers of an evaluation in their order, with their intervals. */
function metricFacts({ metrics, intervals, score }: Evaluation): MetricFact[] {
  return Object.entries(metrics).flatMap(([name, value]): MetricFact[] => {
    if (typeof value !== "number" || name === "rows") return [];
    const found = intervals[name];
    const interval = found && ([found.low, found.high] as const);
    return [{ name, value, interval, ...(name === score.name && { isScore: true }) }];
  });
}

/** Pairs of truth and answer that occur, with their counts. */
export function confusionCells(
  truth: readonly string[],
  predicted: readonly string[],
): ConfusionCell[] {
  const cells = new Map<string, { truth: string; answer: string; count: number }>();
  for (const [i, is] of truth.entries()) {
    const key = JSON.stringify([is, predicted[i]]);
    const cell = cells.get(key) ?? { truth: is, answer: predicted[i]!, count: 0 };
    cell.count += 1;
    cells.set(key, cell);
  }
  return [...cells.values()];
}

/** What became of every true and every answered entity; see EntityOutcomes. */
export function entityOutcomes(decisions: Parameters<typeof entitiesOf>[0]): EntityOutcomes {
  const counts = { correct: 0, wrongType: 0, wrongEnds: 0, wrongBoth: 0, missed: 0, spurious: 0 };
  for (const { truth: expected, predicted: said } of entitiesOf(decisions)) {
    for (const span of expected) counts[outcomeOf(span, said)] += 1;
    counts.spurious += said.filter((span) => !expected.some((is) => overlap(is, span))).length;
  }
  return counts;
}

/** The best that any answer made of a true entity. */
function outcomeOf(
  [type, start, end]: TagSpan,
  said: readonly TagSpan[],
): Exclude<keyof EntityOutcomes, "spurious"> {
  const near = said.filter((span) => overlap(span, [type, start, end]));
  const hasEnds = near.filter((span) => span[1] === start && span[2] === end);
  if (hasEnds.some((span) => span[0] === type)) return "correct";
  if (hasEnds.length > 0) return "wrongType";
  if (near.some((span) => span[0] === type)) return "wrongEnds";
  return near.length > 0 ? "wrongBoth" : "missed";
}

const overlap = (a: TagSpan, b: TagSpan): boolean => a[1] <= b[2] && b[1] <= a[2];

function regressionPoints({ truth, predicted }: Extract<Decisions, { kind: "regression" }>) {
  const step = Math.max(1, Math.ceil(truth.length / MAX_POINTS));
  return truth
    .map((is, i) => ({ truth: is, answer: predicted[i]! }))
    .filter((_, i) => i % step === 0);
}

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

/**
 * The wrong answers with the highest loss, highest first; a truth that the task does not know has no
 * loss. They are where a label is wrong, a text is ambiguous, or the training data lacks something:
 * the best place to begin.
 */
function hardestExamples(
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
      rows: logits[i]!.rows,
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

/** The probabilities of a row, asked for by label. */
function probabilities(decoder: Decoder, row: Float32Array) {
  const labels = answerLabels(decoder);
  const scores = labelScores(row, decoder, "softmax");
  return (label: string): number => Math.max(LEAST, scores[labels.indexOf(label)]!);
}

const textsOf = ({ text, pair }: Example) => (pair === undefined ? { text } : { text, pair });
