/**
 * How often each tag comes where a task is used: training rows may be of other days, or other writers,
 * and a head's biases hold their shares. Those of the evaluation rows are settled after every epoch,
 * so that epochs are compared as they would be served, and once more for the task that is written.
 */
import type { Task } from "../../../src/core/task.ts";
import { decideWords } from "../../../src/core/transitions.ts";
import { answerTexts } from "./answers.ts";
import type { AnswerOptions, LoadedBase } from "./answers.ts";
import { fitBiases } from "./calibration.ts";
import { decide, judgedLogits, metricsOf, tagCases } from "./decisions.ts";
import type { TaskMetrics } from "./decisions.ts";
import type { Example } from "../data/read.ts";

export interface SettledTags {
  /** To be added to the head's biases, [C]. */
  readonly biases: Float32Array;
  /** Of the task with these biases. */
  readonly metrics: TaskMetrics;
}

/** Answers the rows once, word by word, and chooses the tags together afterwards. */
export async function settleTags(
  base: LoadedBase,
  task: Task,
  examples: readonly Example[],
  options: AnswerOptions,
): Promise<SettledTags> {
  const { manifest, head } = task;
  const alone = { ...task, head: { ...head, transitions: null } };
  const answers = await answerTexts(
    base,
    alone,
    examples.map(({ text }) => ({ text })),
    options,
  );
  const judged = judgedLogits("token", examples, answers);
  const biases = fitBiases(tagCases(manifest, examples, judged));
  const { transitions } = head;
  const decided = answers.map(({ split, logits }) => {
    const rows = logits.map((row) => row.map((logit, c) => logit + (biases[c] ?? 0)));
    const { wordIds } = split.pieces;
    const together = transitions && decideWords(rows, wordIds, manifest.labels, transitions);
    return { split, logits: together ?? rows };
  });
  const decisions = decide(manifest, examples, judgedLogits("token", examples, decided));
  return { biases, metrics: metricsOf(decisions) };
}
