/**
 * Logits -> the answers of a task beside the true labels: labels as the endpoint answers them, with the
 * manifest's temperature and thresholds. Metrics, intervals and calibration all start here.
 */
import { scoresOf } from "../../core/model/decode.ts";
import type { TaskManifest } from "../../core/format/manifest.ts";
import type { TaskType } from "../../core/model/task.ts";
import { argmax } from "./answers.ts";
import type { Answer } from "./answers.ts";
import type { Case } from "./calibration.ts";
import type { Example } from "../data/read.ts";

/** The fields of a manifest that turn logits into answers. */
export type Decoder = Pick<
  TaskManifest,
  "type" | "problem_type" | "labels" | "temperature" | "thresholds"
>;

/** The logits that are measured: one row [C] for each text or each word; null for a word without a piece. */
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

/** The cases of calibration: every measured decision whose true label the task has. */
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
