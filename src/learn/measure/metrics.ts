/**
 * What a model got right: accuracy, F1 and Matthews correlation for classes, micro and macro F1 for
 * sets of labels, entity precision, recall and F1 for tags, correlations for numbers, each with its
 * 95 % interval. All but correlations are formulas over the sums of one table of counts (counts.ts).
 * Numbers equal scikit-learn's and seqeval's (default mode), checked in
 * test/unit/learn/measure/metrics.test.ts.
 */
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import type { Key } from "../random.ts";
import { ENOUGH_ROWS, bootstrapAll, wilsonAll } from "./bootstrap.ts";
import type { Interval } from "./bootstrap.ts";
import { regressionMetrics, spearman } from "./correlation.ts";
import type { RegressionMetrics } from "./correlation.ts";
import { countTable, sumRows } from "./counts.ts";
import type { CountTable, Sums } from "./counts.ts";
import type { Decisions } from "./decisions.ts";

/** One line of a per-label table. */
export interface LabelScore {
  readonly label: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** How often the label is true. */
  readonly support: number;
}

interface LabelTable {
  readonly rows: number;
  readonly labels: readonly LabelScore[];
}

type Formula = (sums: Sums) => number;

/** a / b, and 0 for 0 / 0, as the libraries define it. */
const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);
const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
const shareRight: Formula = ({ right, units }) => ratio(right, units);
const precision: Formula = ({ correct, predicted }) => ratio(total(correct), total(predicted));
const recall: Formula = ({ correct, support }) => ratio(total(correct), total(support));
const microF1: Formula = ({ correct, support, predicted }) =>
  ratio(2 * total(correct), total(support) + total(predicted));

/** Mean F1 over the labels; those that do not occur count as 0, or not at all. */
const macroF1 =
  (hasAllLabels: boolean): Formula =>
  ({ correct, support, predicted }) => {
    let [sum, count] = [0, 0];
    for (let c = 0; c < correct.length; c++) {
      const occurrences = support[c]! + predicted[c]!;
      if (!hasAllLabels && occurrences === 0) continue;
      sum += ratio(2 * correct[c]!, occurrences);
      count += 1;
    }
    return ratio(sum, count);
  };

/** R_k of Gorodkin (2004), which is Matthews' phi for two classes; 0 when one side is constant. */
const matthews: Formula = ({ correct, support, predicted, units }) => {
  let [both, truth, said] = [0, units ** 2, units ** 2];
  for (let c = 0; c < support.length; c++) {
    both += support[c]! * predicted[c]!;
    truth -= support[c]! ** 2;
    said -= predicted[c]! ** 2;
  }
  return ratio(total(correct) * units - both, Math.sqrt(truth * said));
};

/** The metrics of each kind of decisions, in the order in which they are shown. */
const FORMULAS = {
  class: { accuracy: shareRight, macro_f1: macroF1(false), matthews },
  "multi-label": {
    micro_precision: precision,
    micro_recall: recall,
    micro_f1: microF1,
    macro_f1: macroF1(true),
    /** Share of rows whose whole set is right. */
    subset_accuracy: shareRight,
  },
  /** Entities count as right only when type and both ends agree; `token_accuracy` is of words. */
  token: { precision, recall, f1: microF1, token_accuracy: shareRight },
} as const satisfies Record<CountTable["kind"], Readonly<Record<string, Formula>>>;

type Numbers<K extends CountTable["kind"]> = Readonly<Record<keyof (typeof FORMULAS)[K], number>>;
type Counted<K extends CountTable["kind"]> = Numbers<K> & LabelTable;

export type TaskMetrics =
  | ({ readonly type: "sequence" } & (
      Counted<"class"> | Counted<"multi-label"> | RegressionMetrics
    ))
  | ({ readonly type: "token" } & Counted<"token">);

/** The metrics of decisions over all their rows. */
export function metricsOf(decisions: Decisions): TaskMetrics {
  if (decisions.kind === "regression") {
    return { type: "sequence", ...regressionMetrics(decisions.truth, decisions.predicted) };
  }
  const table = countTable(decisions);
  const sums = sumRows(table, table.rows.keys());
  const more: LabelTable = { rows: table.rows.length, labels: labelScores(table, sums) };
  switch (table.kind) {
    case "class":
      return { type: "sequence", ...numbersOf("class", sums), ...more };
    case "multi-label":
      return { type: "sequence", ...numbersOf("multi-label", sums), ...more };
    case "token":
      return { type: "token", ...numbersOf("token", sums), ...more };
    default:
      return table.kind satisfies never;
  }
}

function numbersOf<K extends CountTable["kind"]>(kind: K, sums: Sums): Numbers<K> {
  const formulas: Readonly<Record<string, Formula>> = FORMULAS[kind];
  return Object.fromEntries(
    Object.entries(formulas).map(([name, formula]) => [name, formula(sums)]),
  ) as Numbers<K>;
}

const labelScores = ({ labels }: CountTable, { support, predicted, correct }: Sums): LabelScore[] =>
  labels.map((label, c) => ({
    label,
    precision: ratio(correct[c]!, predicted[c]!),
    recall: ratio(correct[c]!, support[c]!),
    f1: ratio(2 * correct[c]!, support[c]! + predicted[c]!),
    support: support[c]!,
  }));

/**
 * How sure each metric is, by name: rows, or whole sentences, are drawn anew, the same draws for all.
 * Of numbers only Spearman's correlation, which they are judged by, has an interval. Those of few rows are
 * wider (bootstrap.ts), and so are those of any rows whose variance is larger by a factor, `inflation`.
 */
export function intervalsOf(
  decisions: Decisions,
  key: Key,
  { inflation }: { readonly inflation?: number | undefined } = {},
): Readonly<Record<string, Interval>> {
  const rows = decisions.truth.length;
  const scores = sampleScores(decisions);
  return inflation === undefined && rows >= ENOUGH_ROWS
    ? bootstrapAll(rows, scores, key)
    : wilsonAll(rows, scores, key, {
        inflation: inflation ?? 1,
        lowest: (name) => (CORRELATIONS.has(name) ? -1 : 0),
      });
}

/** Metrics between -1 and 1; all others begin at 0. */
const CORRELATIONS: ReadonlySet<string> = new Set(["matthews", "spearman"]);

/** The metrics of some rows by their numbers. */
function sampleScores(
  decisions: Decisions,
): (sample: Int32Array) => Readonly<Record<string, number>> {
  if (decisions.kind === "regression") {
    const { truth, predicted } = decisions;
    const pick = (values: readonly number[], sample: Int32Array) =>
      Float64Array.from(sample, (row) => values[row]!);
    return (sample) => ({ spearman: spearman(pick(truth, sample), pick(predicted, sample)) });
  }
  const table = countTable(decisions);
  return (sample) => numbersOf(table.kind, sumRows(table, sample));
}

/** Name of the one number by which a task is judged, as it stands in its metrics. */
export function scoreName({
  type,
  problem_type,
}: {
  readonly type: TaskType;
  readonly problem_type: ProblemType;
}): "accuracy" | "micro_f1" | "f1" | "spearman" {
  if (type === "token") return "f1";
  const names = {
    single_label_classification: "accuracy",
    multi_label_classification: "micro_f1",
    regression: "spearman",
  } as const;
  return names[problem_type];
}

/** That number; higher is better. */
export function scoreOf(metrics: TaskMetrics): number {
  if (metrics.type === "token") return metrics.f1;
  if ("micro_f1" in metrics) return metrics.micro_f1;
  return "spearman" in metrics ? metrics.spearman : metrics.accuracy;
}
