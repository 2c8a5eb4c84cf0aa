/**
 * Does a task still answer as it did when it was trained? Its recorded examples are answered by the
 * engine that serves the base.
 */
import { FormatError, UnavailableError } from "../../src/core/errors.ts";
import { shortIdentity } from "../../src/core/format/manifest.ts";
import type { TaskExample } from "../../src/core/format/manifest.ts";
import type { Task } from "../../src/core/format/task.ts";
import type { LoadedBase } from "../../src/engine/engine.ts";
import type { Base } from "../../src/encoder/base.ts";
import type { FindBase } from "./find-base.ts";
import { openBase } from "../base/open-base.ts";
import type { CheckAnswers } from "./publish-task.ts";
import { answerExamples } from "../../src/learn/measure/answers.ts";

/**
 * How far a score may be from the recorded one. The same release of an engine gives the same bits;
 * another release, or another engine, may round an activation the other way, which moves a score in the
 * third digit or the second.
 */
const SCORE_TOLERANCE = 0.02;

/** Answered when a task has no recorded examples: at least it must answer in numbers. */
const PROBE = "The quick brown fox jumps over the lazy dog.";

/** Makes the check; a base is opened when the first task needs it, and kept for the others. */
export function createAnswerCheck(findBase: FindBase, note: (line: string) => void): CheckAnswers {
  const opened = new Map<Base, Promise<LoadedBase>>();
  return async (task, manifest) => {
    const base = await findBase(manifest);
    const loaded = opened.get(base) ?? openBase(base, "serving");
    opened.set(base, loaded);
    return compareAnswers(await loaded, task, note);
  };
}

/** Answers the examples and compares; returns how many there are. For errors see CheckAnswers. */
async function compareAnswers(
  base: LoadedBase,
  task: Task,
  note: (line: string) => void = () => undefined,
): Promise<number> {
  const { task: name, examples } = task.manifest;
  const texts = examples.length > 0 ? examples.map(textOf) : [{ text: PROBE }];
  const answers = await answerExamples(base, task, texts);
  if (!answers.every(({ score }) => Number.isFinite(score))) {
    throw new UnavailableError(
      "answer-not-finite",
      `task "${name}": answers NaN or infinity on base ${shortIdentity(base.manifest)}; train it again`,
    );
  }
  if (examples.length === 0) {
    note(
      `warning: task "${name}" has no recorded examples, so its answers cannot be compared; write some into task.json and train it again`,
    );
    return 0;
  }
  const wrong = examples.filter((example, i) => !agree(example, answers[i]!));
  if (wrong.length === 0) return examples.length;
  const [first] = wrong;
  const found = answers[examples.indexOf(first!)]!;
  throw new FormatError(
    "examples-mismatch",
    `task "${name}": ${wrong.length} of ${examples.length} recorded examples are answered otherwise; ${quote(first!.text)} gives ${answerOf(found)}, recorded was ${answerOf(first!)}; was it trained on this base, and with this release?`,
  );
}

const textOf = ({ text, text_pair }: TaskExample): { text: string; text_pair?: string } =>
  text_pair === undefined ? { text } : { text, text_pair };

const agree = (a: TaskExample, b: TaskExample): boolean =>
  a.label === b.label && Math.abs(a.score - b.score) <= SCORE_TOLERANCE;

const quote = (text: string): string =>
  JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}..` : text);

const answerOf = ({ label, score }: TaskExample): string => `${quote(label)} ${score.toFixed(4)}`;
