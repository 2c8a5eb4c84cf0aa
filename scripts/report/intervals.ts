/**
 * 95 % intervals of all metrics of an evaluation, by the same draws as the interval of its score
 * (bootstrap.ts). Rows are reduced to counts first, so that a draw only adds numbers: a thousand
 * draws of thousands of rows take a moment. Correlations are left to their own interval.
 */
import { bootstrap } from "../../src/learn/measure/bootstrap.ts";
import type { Decisions } from "../../src/learn/measure/decisions.ts";
import { entitiesOf } from "../../src/learn/measure/metrics.ts";
import type { Key } from "../../src/learn/random.ts";
import type { Interval } from "./facts.ts";

/** Per label and over all: how often it is true, answered, and both. */
interface Sums {
  readonly support: Float64Array; // [C]
  readonly predicted: Float64Array; // [C]
  readonly correct: Float64Array; // [C]
  /** Units that are right as a whole (rows, or words of a sentence), and all units. */
  right: number;
  units: number;
}

type Score = (sums: Sums) => number;

/** Metric name -> interval, for the metrics that are made of counts. */
export function metricIntervals(decisions: Decisions, key: Key): ReadonlyMap<string, Interval> {
  if (decisions.kind === "regression") return new Map();
  const { add, empty, rows } = countRows(decisions);
  const intervals = Object.entries(SCORES[decisions.kind]).map(([name, score]) => {
    const { low, high } = bootstrap(
      rows,
      (sample) => {
        const sums = empty();
        for (const row of sample) add(row, sums);
        return score(sums);
      },
      key,
    );
    return [name, [low, high]] as const;
  });
  return new Map(intervals);
}

/** The same numbers over all rows once: what the metrics themselves are. */
export function metricsOfCounts(
  decisions: Exclude<Decisions, { kind: "regression" }>,
): Record<string, number> {
  const { add, empty, rows } = countRows(decisions);
  const sums = empty();
  for (let row = 0; row < rows; row++) add(row, sums);
  const scores = Object.entries(SCORES[decisions.kind]);
  return Object.fromEntries(scores.map(([name, score]) => [name, score(sums)]));
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);
const right: Score = (sums) => ratio(sums.right, sums.units);
const precision: Score = ({ correct, predicted }) => ratio(sum(correct), sum(predicted));
const recall: Score = ({ correct, support }) => ratio(sum(correct), sum(support));
const microF1: Score = ({ correct, support, predicted }) =>
  ratio(2 * sum(correct), sum(support) + sum(predicted));

/** Mean F1 over the labels; those that do not occur count as 0, or not at all. */
const macroF1 =
  (hasAllLabels: boolean): Score =>
  ({ correct, support, predicted }) => {
    const used = [...correct.keys()].filter((c) => hasAllLabels || support[c]! + predicted[c]! > 0);
    const f1s = used.map((c) => ratio(2 * correct[c]!, support[c]! + predicted[c]!));
    return ratio(
      f1s.reduce((total, f1) => total + f1, 0),
      used.length,
    );
  };

/** As metrics.ts has it: Gorodkin's R_k. */
const matthews: Score = ({ correct, support, predicted, units }) => {
  const both = support.reduce((total, value, c) => total + value * predicted[c]!, 0);
  const squares = (values: Float64Array): number =>
    values.reduce((total, value) => total + value ** 2, 0);
  return ratio(
    sum(correct) * units - both,
    Math.sqrt((units ** 2 - squares(support)) * (units ** 2 - squares(predicted))),
  );
};

const SCORES: Readonly<
  Record<Exclude<Decisions["kind"], "regression">, Readonly<Record<string, Score>>>
> = {
  class: { accuracy: right, macro_f1: macroF1(false), matthews },
  "multi-label": {
    micro_precision: precision,
    micro_recall: recall,
    micro_f1: microF1,
    macro_f1: macroF1(true),
    subset_accuracy: right,
  },
  token: { precision, recall, f1: microF1, token_accuracy: right },
};

/** What a row says of one label. */
type Item = readonly [label: number, support: number, predicted: number, correct: number];

interface RowCounts {
  readonly items: readonly Item[];
  readonly right: number;
  readonly units: number;
}

function countRows(decisions: Exclude<Decisions, { kind: "regression" }>) {
  const ids = new Map<string, number>("labels" in decisions ? idsOf(decisions) : []);
  const idOf = (label: string): number => {
    const id = ids.get(label) ?? ids.size;
    ids.set(label, id);
    return id;
  };
  const counts = decisions.truth.map((_, row) => rowCounts(decisions, row, idOf));
  const empty = (): Sums => ({
    support: new Float64Array(ids.size),
    predicted: new Float64Array(ids.size),
    correct: new Float64Array(ids.size),
    right: 0,
    units: 0,
  });
  const add = (row: number, sums: Sums): void => {
    const { items, right, units } = counts[row]!;
    sums.right += right;
    sums.units += units;
    for (const [label, support, predicted, correct] of items) {
      sums.support[label]! += support;
      sums.predicted[label]! += predicted;
      sums.correct[label]! += correct;
    }
  };
  return { add, empty, rows: counts.length };
}

/** Several labels a text: all of them count, in their order. Tags are counted by entity type. */
const idsOf = ({ kind, labels }: Extract<Decisions, { labels: readonly string[] }>) =>
  kind === "multi-label" ? labels.map((label, id) => [label, id] as const) : [];

function rowCounts(
  decisions: Exclude<Decisions, { kind: "regression" }>,
  row: number,
  idOf: (label: string) => number,
): RowCounts {
  const { kind } = decisions;
  const [truth, said] = [decisions.truth[row]!, decisions.predicted[row]!];
  if (kind === "class") {
    const isRight = truth === said;
    const [t, s] = [idOf(truth as string), idOf(said as string)];
    const items: Item[] = isRight ? [[t, 1, 1, 1]] : [[t, 1, 0, 0], [s, 0, 1, 0]]; // prettier-ignore
    return { items, right: isRight ? 1 : 0, units: 1 };
  }
  const [is, says] = [truth as readonly string[], said as readonly string[]];
  const [expected, answered] = kind === "token" ? [spansOf(is), spansOf(says)] : [is, says];
  const [inTruth, inAnswer] = [new Set(expected), new Set(answered)];
  const labelOf = (item: string): number => idOf(item.split("\t")[0]!);
  const items = [
    ...[...inTruth].map((item): Item => [labelOf(item), 1, 0, inAnswer.has(item) ? 1 : 0]),
    ...[...inAnswer].map((item): Item => [labelOf(item), 0, 1, 0]),
  ];
  if (kind === "token") {
    return { items, right: is.filter((tag, i) => tag === says[i]).length, units: is.length };
  }
  const isSame = inTruth.size === inAnswer.size && [...inTruth].every((item) => inAnswer.has(item));
  return { items, right: isSame ? 1 : 0, units: 1 };
}

const spansOf = (tags: readonly string[]): string[] =>
  entitiesOf(tags).map((span) => span.join("\t"));
