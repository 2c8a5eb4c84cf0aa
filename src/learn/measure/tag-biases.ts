/**
 * Biases for the shares of tags where a task is used. A head's biases learn the shares of the training
 * rows, which may be of other days or other writers. Biases for the evaluation rows are fitted after
 * every epoch, so that epochs are compared as they would be served, and once more for the task that is
 * written.
 */
import type { Task } from "../../core/format/task.ts";
import { decideWords } from "../../core/model/transitions.ts";
import { atOnce } from "../../core/turns.ts";
import { answerTexts } from "./answers.ts";
import type { Answer, AnswerOptions } from "./answers.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import { ENOUGH_CASES, fitBiases } from "./calibration.ts";
import { judgedLogits, tagCases } from "./decisions.ts";
import type { JudgedLogits } from "./decisions.ts";
import type { Example } from "../data/read.ts";

export interface FittedTags {
  /**
   * To be added to the head's biases, [C], fitted on all rows; zeros where one half of the rows has too
   * few words.
   */
  readonly biases: () => Float32Array;
  /**
   * Logits of the rows, each with biases that were fitted on the other half of the rows, so that no row
   * is scored by biases that it was part of.
   */
  readonly logits: JudgedLogits;
}

/** Answers the rows once, word by word, and chooses the tags together afterwards. */
export async function fitTags(
  base: LoadedBase,
  task: Task,
  examples: readonly Example[],
  options: AnswerOptions,
): Promise<FittedTags> {
  const { manifest, head } = task;
  const alone = { ...task, head: { ...head, transitions: null } };
  const texts = examples.map(({ text }) => ({ text }));
  const answers = await answerTexts(base, alone, texts, options);
  const judged = judgedLogits(alone, examples, answers);
  const halves = [1, 0].map((half) => {
    const isIn = (_: unknown, row: number): boolean => row % 2 === half;
    return tagCases(manifest, examples.filter(isIn), judged.filter(isIn));
  });
  const isEnough = halves.every((cases) => cases.length >= ENOUGH_CASES);
  const none = new Float32Array(manifest.labels.length);
  const ofOthers = halves.map((cases) => (isEnough ? fitBiases(cases) : none));
  const decided = answers.map((answer, row) => together(answer, ofOthers[row % 2]!, task));
  return {
    biases: () => (isEnough ? fitBiases(tagCases(manifest, examples, judged)) : none),
    logits: judgedLogits(task, examples, decided),
  };
}

/** The answer with other biases, its tags chosen together. */
function together(
  { split, logits }: Answer,
  biases: Float32Array,
  { manifest, head }: Task,
): Answer {
  const rows = logits.map((row) => row.map((logit, c) => logit + biases[c]!));
  if (!head.transitions) return { split, logits: rows };
  const { wordIds } = split.pieces;
  return { split, logits: atOnce(decideWords(rows, wordIds, manifest.labels, head.transitions)) };
}
