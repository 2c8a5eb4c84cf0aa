/**
 * Logits -> what a task says, beside what is true: labels as the endpoint would answer them, with
 * the manifest's temperature and thresholds. Metrics, intervals and calibration all start here.
 */
import { scoresOf } from "../../core/model/decode.ts";
import type { TaskManifest } from "../../core/format/manifest.ts";
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import { argmax } from "./answers.ts";
import type { Answer } from "./answers.ts";
import { bootstrap, scoreOfSums } from "./bootstrap.ts";
import type { Interval } from "./bootstrap.ts";
import type { Case } from "./calibration.ts";
import { regressionMetrics, spearman } from "./correlation.ts";
import type { RegressionMetrics } from "./correlation.ts";
import type { Example } from "../data/read.ts";
import { classMetrics, entitiesOf, entityMetrics, multiLabelMetrics } from "./metrics.ts";
import type { ClassMetrics, EntityMetrics, MultiLabelMetrics } from "./metrics.ts";
import type { Key } from "../random.ts";

/** What of a manifest turns logits into answers. */
export type Decoder = Pick<
  TaskManifest,
  "type" | "problem_type" | "labels" | "temperature" | "thresholds"
>;

/** Logits of what is judged: one row [C] a text, or one a word; null for a word without a piece. */
export type JudgedLogits = readonly (readonly (Float32Array | null)[])[];

export type Decisions =
  | { readonly kind: "class"; readonly truth: string[]; readonly predicted: string[] }
  | {
      readonly kind: "multi-label" | "token";
      readonly labels: readonly string[];
      readonly truth: (readonly string[])[];
      readonly predicted: (readonly string[])[];
    }
  | { readonly kind: "regression"; readonly truth: number[]; readonly predicted: number[] };

export type TaskMetrics =
  | ({ readonly type: "sequence" } & (ClassMetrics | MultiLabelMetrics | RegressionMetrics))
  | ({ readonly type: "token" } & EntityMetrics);

/** The rows of `answers` that are judged: a word of a token task by its first piece. */
export const judgedLogits = (
  type: TaskType,
  examples: readonly Example[],
  answers: readonly Answer[],
): JudgedLogits =>
  answers.map((answer, i) => (type === "token" ? wordLogits(examples[i]!, answer) : answer.logits));

function wordLogits({ words }: Example, { split, logits }: Answer): (Float32Array | null)[] {
  const { starts } = split.pieces;
  let piece = 0;
  return words.map(({ start, end }) => {
    while (piece < starts.length && starts[piece]! < start) piece += 1;
    return piece < starts.length && starts[piece]! < end ? logits[piece]! : null;
  });
}

/** Truth and answer of every example. A word without any piece counts as "O". */
export function decide(
  decoder: Decoder,
  examples: readonly Example[],
  logits: JudgedLogits,
): Decisions {
  const { labels, type, problem_type } = decoder;
  const truth = examples.map((example) => example.labels);
  if (type === "token") {
    const predicted = logits.map((rows) => rows.map((row) => (row ? labels[argmax(row)]! : "O")));
    return { kind: "token", labels, truth, predicted };
  }
  switch (problem_type) {
    case "single_label_classification":
      return {
        kind: "class",
        truth: truth.map(([label]) => label ?? ""),
        predicted: logits.map(([row]) => labels[argmax(row!)]!),
      };
    case "multi_label_classification":
      return {
        kind: "multi-label",
        labels,
        truth,
        predicted: logits.map(([row]) => chosenLabels(decoder, row!)),
      };
    case "regression":
      return {
        kind: "regression",
        truth: truth.map(([label]) => Number(label)),
        predicted: logits.map(([row]) => row![0]!),
      };
    default:
      return problem_type satisfies never;
  }
}

/** Every label whose score reaches its threshold, 0.5 where the manifest has none. */
function chosenLabels(
  { labels, temperature, thresholds }: Decoder,
  row: Float32Array,
): readonly string[] {
  const scores = scoresOf(row, "sigmoid", temperature);
  return labels.filter((_, c) => scores[c]! >= (thresholds?.[c] ?? 0.5));
}

export function metricsOf(decisions: Decisions): TaskMetrics {
  switch (decisions.kind) {
    case "class":
      return { type: "sequence", ...classMetrics(decisions.truth, decisions.predicted) };
    case "multi-label": {
      const { labels, truth, predicted } = decisions;
      return { type: "sequence", ...multiLabelMetrics(labels, truth, predicted) };
    }
    case "token":
      return { type: "token", ...entityMetrics(decisions.truth, decisions.predicted) };
    case "regression":
      return { type: "sequence", ...regressionMetrics(decisions.truth, decisions.predicted) };
    default:
      return decisions satisfies never;
  }
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

/** How sure that number is: rows, or whole sentences, are drawn anew. */
export function intervalOf(decisions: Decisions, key: Key): Interval {
  const { kind, truth } = decisions;
  if (kind === "regression") {
    const { predicted } = decisions;
    const pick = (values: readonly number[], sample: Int32Array) =>
      Float64Array.from(sample, (row) => values[row]!);
    const score = (sample: Int32Array): number =>
      spearman(pick(decisions.truth, sample), pick(predicted, sample));
    return bootstrap(truth.length, score, key);
  }
  const counts = countsOf(decisions);
  const score = scoreOfSums(counts, (sums) => {
    // Right ones doubled, over all there are and all that were said: F1, and accuracy alike.
    const [correct, total] = sums as [number, number];
    return total === 0 ? 0 : (2 * correct) / total;
  });
  return bootstrap(truth.length, score, key);
}

/** Per row: how many answers are right, and how many there are in truth and answer together. */
function countsOf(decisions: Exclude<Decisions, { kind: "regression" }>): Float64Array[] {
  const rows = decisions.truth.length;
  const [correct, total] = [new Float64Array(rows), new Float64Array(rows)];
  for (let row = 0; row < rows; row++) {
    const [is, says] =
      decisions.kind === "class"
        ? [[decisions.truth[row]!], [decisions.predicted[row]!]]
        : [itemsOf(decisions, "truth", row), itemsOf(decisions, "predicted", row)];
    const said = new Set(says);
    correct[row] = is.filter((item) => said.has(item)).length;
    total[row] = is.length + says.length;
  }
  return [correct, total];
}

/** What counts of a row: its labels, or its entities. */
function itemsOf(
  decisions: Extract<Decisions, { kind: "multi-label" | "token" }>,
  side: "truth" | "predicted",
  row: number,
): readonly string[] {
  const names = decisions[side][row]!;
  return decisions.kind === "token" ? entitiesOf(names).map((span) => span.join("\t")) : names;
}

/** What calibration learns from: every judged decision whose truth the task can name. */
export function casesOf(
  decoder: Decoder,
  examples: readonly Example[],
  logits: JudgedLogits,
): Case[] {
  const { type, problem_type, labels } = decoder;
  if (problem_type === "regression") return [];
  if (type === "token" || problem_type === "single_label_classification") {
    return tagCases(decoder, examples, logits);
  }
  return examples.map((example, i) => {
    const names = new Set(example.labels);
    return { logits: logits[i]![0]!, truth: labels.map((label) => names.has(label)) };
  });
}

/** The same where each text, or each word, has one label. */
export function tagCases(
  { labels }: Pick<Decoder, "labels">,
  examples: readonly Example[],
  logits: JudgedLogits,
): { readonly logits: Float32Array; readonly truth: number }[] {
  const idOf = new Map(labels.map((label, id) => [label, id]));
  return examples.flatMap((example, i) =>
    logits[i]!.flatMap((row, unit) => {
      const truth = idOf.get(example.labels[unit] ?? "");
      return row && truth !== undefined ? [{ logits: row, truth }] : [];
    }),
  );
}
