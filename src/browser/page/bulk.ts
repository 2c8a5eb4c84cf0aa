/**
 * Many questions, asked of the Worker a few at a time: answers are there as soon as they are ready, in
 * any order of tasks, and what the Worker refuses for now is asked again when it says.
 */
import { ServerError } from "./client.ts";
import type { Client } from "./client.ts";
import { oneOf } from "./client.ts";
import type { CellOutcome } from "./table.ts";

export interface Question {
  readonly task: string;
  readonly type: "sequence" | "token";
  readonly inputs: string | { readonly text: string; readonly text_pair: string };
}

/** The outcome of the question at `index`. */
export interface Answer {
  readonly index: number;
  readonly outcome: CellOutcome;
}

/** A quarter of what a request may have by default, so that a row of long texts is not too much. */
const MAX_QUESTIONS = 64;
const MAX_CHARACTERS = 40_000;
/** A Worker that is busy says when to come again; after so many times it is not only busy. */
const MAX_TRIES = 6;
const DEFAULT_WAIT_S = 1;
const ENDED_EARLY = { code: "network", detail: "the answer ended before all rows were answered" };

/** Asks all questions; throws ServerError when the Worker cannot be asked, or the signal's reason. */
export async function* askAll(
  { stream }: Pick<Client, "stream">,
  questions: readonly Question[],
  signal: AbortSignal,
  wait: (seconds: number, signal: AbortSignal) => Promise<void>,
): AsyncGenerator<Answer> {
  for (const range of rangesOf(questions)) yield* askRange(range);

  async function* askRange({ from, to }: Range): AsyncGenerator<Answer> {
    let next = from;
    for (let tries = 1; next < to; tries++) {
      if (tries > MAX_TRIES) throw new ServerError(ENDED_EARLY, 0);
      const items = questions.slice(next, to).map(({ task, inputs }) => ({ task, inputs }));
      const start = next;
      try {
        for await (const line of stream({ items }, signal)) {
          const outcome = outcomeOf(line as Line, (at) => questions[start + at]!.type);
          if (outcome === null) continue;
          next = start + outcome.index + 1;
          tries = 0;
          yield { index: start + outcome.index, outcome: outcome.outcome };
        }
      } catch (error) {
        if (!isPassing(error) || tries === MAX_TRIES) throw error;
        await wait(error.retryAfterS ?? DEFAULT_WAIT_S, signal);
      }
    }
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Runs of questions that one request can hold, in their order. */
export function rangesOf(questions: readonly Pick<Question, "inputs">[]): Range[] {
  const ranges: Range[] = [];
  let from = 0;
  let characters = 0;
  for (const [at, { inputs }] of questions.entries()) {
    const length =
      typeof inputs === "string" ? inputs.length : inputs.text.length + inputs.text_pair.length;
    const isFull = at - from >= MAX_QUESTIONS || characters + length > MAX_CHARACTERS;
    if (isFull && at > from) {
      ranges.push({ from, to: at });
      [from, characters] = [at, 0];
    }
    characters += length;
  }
  if (from < questions.length) ranges.push({ from, to: questions.length });
  return ranges;
}

/** A line of the stream (docs/http.md): an item's answer or failure, the whole's failure, or its end. */
interface Line {
  readonly index?: number;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly detail: string; readonly status: number };
}

function outcomeOf(line: Line, typeOf: (at: number) => Question["type"]): Answer | null {
  const { index, result, error } = line;
  if (index === undefined) {
    if (error) throw new ServerError(error, error.status);
    return null;
  }
  if (error) return { index, outcome: { error } };
  return { index, outcome: { result: oneOf(result, typeOf(index)) } };
}

/** Too many requests, or a Worker that is loading or full: the same question may be answered later. */
const isPassing = (error: unknown): error is ServerError =>
  error instanceof ServerError && [0, 429, 503].includes(error.status);
