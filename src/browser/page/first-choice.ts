/**
 * What a first visit shows: tasks that have something to say about the same text, so that one run is
 * seen to answer several questions. Texts of one field share words; no other knowledge of it exists.
 */
import type { TaskDescription } from "./client.ts";

type Described = Pick<TaskDescription, "task" | "type" | "examples">;

/** A task for entities, a task for labels of the same kind of text, and one more for entities. */
const FIRST_TASKS = 3;
/** Shorter words stand in texts of every field. */
const WORD = /\p{L}{3,}/gu;

/**
 * Names of the tasks to begin with, the one whose first example is shown being the first: the pair of
 * a token task and a sequence task whose examples share most words, then another token task.
 */
export function firstTasks(tasks: readonly Described[]): string[] {
  const plain = tasks.filter(({ examples }) =>
    examples?.every((one) => one.text_pair === undefined),
  );
  const tokens = plain.filter(({ type }) => type === "token");
  const pairs = tokens.flatMap((token) =>
    plain
      .filter(({ type }) => type === "sequence")
      .map((other) => ({ names: [token.task, other.task], shared: sharedWords(token, other) })),
  );
  const [best] = pairs.toSorted((a, b) => b.shared - a.shared);
  const names = [
    ...(best && best.shared > 0 ? best.names : []),
    ...tokens.map(({ task }) => task),
    ...tasks.map(({ task }) => task),
  ];
  const count = best && best.shared > 0 ? FIRST_TASKS : 1;
  return [...new Set(names)].slice(0, count);
}

function sharedWords(a: Described, b: Described): number {
  const words = wordsOf(b);
  return [...wordsOf(a)].filter((word) => words.has(word)).length;
}

const wordsOf = ({ examples = [] }: Described): Set<string> =>
  new Set(examples.flatMap(({ text }) => text.toLowerCase().match(WORD) ?? []));
