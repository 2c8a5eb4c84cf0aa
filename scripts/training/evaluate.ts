/**
 * How good is a task? Runs its evaluation rows through the request path's parts and counts. A word
 * of a token task is judged by the tag of its first piece; a word without any piece counts as "O".
 */
import type { Task } from "../../src/core/task.ts";
import { answerTexts, argmax } from "./answers.ts";
import type { Answer, AnswerOptions, LoadedBase } from "./answers.ts";
import type { Example } from "./data.ts";
import { classMetrics, entityMetrics } from "./metrics.ts";
import type { ClassMetrics, EntityMetrics } from "./metrics.ts";

export type TaskMetrics =
  ({ type: "sequence" } & ClassMetrics) | ({ type: "token" } & EntityMetrics);

/** Measures a task on examples with their true labels. */
export async function evaluateTask(
  base: LoadedBase,
  task: Task,
  examples: readonly Example[],
  options: AnswerOptions,
): Promise<TaskMetrics> {
  const texts = examples.map(({ text, pair }) =>
    pair === undefined ? { text } : { text, text_pair: pair },
  );
  const answers = await answerTexts(base, task, texts, options);
  const { labels, type } = task.manifest;
  if (type === "sequence") {
    const truth = examples.map((example) => example.labels[0] ?? "");
    const predicted = answers.map(({ logits }) => labels[argmax(logits[0]!)]!);
    return { type, ...classMetrics(truth, predicted) };
  }
  const truth = examples.map((example) => example.labels);
  const predicted = answers.map((answer, i) => wordTags(examples[i]!, answer, labels));
  return { type, ...entityMetrics(truth, predicted) };
}

/** The one number by which a task is judged: accuracy, or entity F1. */
export const scoreOf = (metrics: TaskMetrics): number =>
  metrics.type === "sequence" ? metrics.accuracy : metrics.f1;

/** Its name, for people and manifests. */
export const scoreName = (type: TaskMetrics["type"]): string =>
  type === "sequence" ? "accuracy" : "f1";

/** One tag a word: that of the first piece that begins in it. */
function wordTags(
  { words }: Example,
  { split, logits }: Answer,
  labels: readonly string[],
): string[] {
  const { starts } = split.pieces;
  let piece = 0;
  return words.map(({ start, end }) => {
    while (piece < starts.length && starts[piece]! < start) piece += 1;
    const row = piece < starts.length && starts[piece]! < end ? logits[piece] : undefined;
    return row ? labels[argmax(row)]! : "O";
  });
}
