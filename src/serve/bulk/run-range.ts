/**
 * Answers the rows of one range and writes its part. Whatever goes wrong with a row is found by asking
 * fewer rows at once, and is that row's error; what concerns all rows is thrown, for the message to be
 * delivered again.
 */
import type { Clock } from "../../core/clock.ts";
import { EdgePrefixError, InputError, UnavailableError } from "../../core/errors.ts";
import type { ObjectStore } from "../bucket/object-store.ts";
import { lineOf } from "./answered.ts";
import type { Answer, AnswerRows } from "./answered.ts";
import type { Job, Plan } from "./job.ts";
import type { RangeMessage, Sender } from "./messages.ts";
import { firstGap, startPart, writePart } from "./parts.ts";
import type { OpenPart } from "./parts.ts";
import { bytesToRead, readRows } from "./rows.ts";
import type { Row } from "./rows.ts";
import { isStopped } from "./status.ts";

export interface RangeDeps {
  readonly store: ObjectStore;
  readonly sender: Sender;
  readonly answer: AnswerRows;
  readonly clock: Clock;
}

export interface RangeRun {
  readonly job: Job;
  readonly plan: Pick<Plan, "format" | "columns">;
  readonly message: RangeMessage;
  /** Deliveries of this message, this one included. */
  readonly attempts: number;
  /** When to stop and leave the rest to another message, in the clock's milliseconds. */
  readonly until: number;
}

/** What was done, for the log. */
export interface RangeResult {
  readonly completed: number;
  readonly failed: number;
}

/** Rows asked at once: what keeps batches full, and what is asked again when one of them fails. */
const FIRST_ROWS = 16;
const MAX_ROWS = 256;
/** A call takes about this long: then the clock is looked at. */
const CALL_MS = 500;
/** More than the queue of an isolate takes at once. */
const MAX_CALL_BYTES = 32_768;

/** Answers what has no part yet. Throws what `AnswerRows` and the store throw. */
export async function runRange(deps: RangeDeps, run: RangeRun): Promise<RangeResult> {
  const { store, sender, clock } = deps;
  const { job, message, until } = run;
  const sums = { completed: 0, failed: 0 };
  let rows = firstPiece(run.attempts);
  while (true) {
    const gap = await firstGap(store, job.id, message);
    if (gap.start >= message.end) return sums;
    if (await isStopped(store, job, Math.floor(clock.now() / 1000))) return sums;
    const part = await answerFrom(deps, run, gap, rows);
    if (await writePart(store, job.id, part)) {
      sums.completed += part.output.length;
      sums.failed += part.errors.length;
      if (part.end >= message.end) return sums;
    }
    if (clock.now() > until) {
      const { start, line } = await firstGap(store, job.id, message);
      if (start < message.end) await sender.send([{ ...message, start, line }]);
      return sums;
    }
    rows *= 2;
  }
}

/**
 * Rows of the first part. An attempt that died without a word may have died of one row: from then on
 * parts are small at first, until the row that kills is the first one that has no part.
 */
const firstPiece = (attempts: number): number =>
  attempts < 2 ? Infinity : 8 ** (4 - Math.min(4, attempts));

/** A part of at most so many rows, and of those that can be answered in time. */
async function answerFrom(
  { store, answer, clock }: RangeDeps,
  { job, plan, message, until }: RangeRun,
  from: { readonly start: number; readonly line: number },
  maxRows: number,
): Promise<OpenPart> {
  const { end } = message;
  const range = { start: from.start, end, line: from.line };
  const bytes = await readInput(store, job, range.start, end);
  const part = startPart(range.start, range.line);
  let size = FIRST_ROWS;
  let taken = 0;
  let call: Row[] = [];
  const flush = async (): Promise<void> => {
    const startedAt = clock.now();
    await addRows(part, job, call, answer);
    const ms = Math.max(1, clock.now() - startedAt);
    const wanted = Math.round((call.length * CALL_MS) / ms);
    size = Math.max(1, Math.min(MAX_ROWS, 2 * size, wanted));
    call = [];
  };
  for (const row of readRows(bytes, range, job, plan)) {
    call.push(row);
    taken++;
    const isFull = call.length >= size || row.end - call[0]!.start >= MAX_CALL_BYTES;
    if (!isFull && taken < maxRows) continue;
    await flush();
    if (taken >= maxRows || clock.now() > until) return part;
  }
  if (call.length > 0) await flush();
  part.end = end;
  return part;
}

async function readInput(
  store: ObjectStore,
  { id, input_key: key }: Job,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const bytes = await store.read(key, { offset: start, length: bytesToRead(start, end) });
  if (bytes) return bytes;
  throw new UnavailableError(
    "batch-input-missing",
    `batch "${id}": its file "${key}" is not there any more`,
  );
}

/** Appends the lines of rows to a part, in their order. */
async function addRows(
  part: OpenPart,
  job: Job,
  rows: readonly Row[],
  answer: AnswerRows,
): Promise<void> {
  const asked = rows.filter((row) => !(row.asked instanceof EdgePrefixError));
  const answers = new Map<Row, Answer>();
  const signal = new AbortController().signal;
  const found = await answerApart(asked, (some) => answer(job, some, signal));
  asked.forEach((row, i) => answers.set(row, found[i]!));
  for (const row of rows) {
    const own = row.asked instanceof EdgePrefixError ? { error: row.asked } : answers.get(row)!;
    const line = lineOf(job, row, own);
    (line.isError ? part.errors : part.output).push(line.text);
    part.end = row.end;
    part.nextLine = row.nextLine;
  }
}

/** Answers rows; where that fails because of one of them, by halves until it is alone. */
async function answerApart(
  rows: readonly Row[],
  answer: (rows: readonly Row[]) => Promise<readonly Answer[]>,
): Promise<readonly Answer[]> {
  if (rows.length === 0) return [];
  try {
    return await answer(rows);
  } catch (error) {
    if (concernsAll(error)) throw error;
    if (rows.length === 1) return [{ error: asRowsError(error) }];
    const half = rows.length >> 1;
    const first = await answerApart(rows.slice(0, half), answer);
    return [...first, ...(await answerApart(rows.slice(half), answer))];
  }
}

/** Failures of one row that have the class of failures of the whole. */
const ROWS_OWN = ["heap-limit", "run-failed", "answer-not-finite"];

/** Whether the rows are not at fault: the store, the base or the task cannot be had. */
const concernsAll = (error: unknown): boolean =>
  error instanceof EdgePrefixError &&
  (error.code.startsWith("base-") ||
    (error instanceof UnavailableError && !ROWS_OWN.includes(error.code)));

/** Not foreseen, and yet the rows around it are to be answered. */
const asRowsError = (error: unknown): EdgePrefixError =>
  error instanceof EdgePrefixError
    ? error
    : new InputError("row-failed", `row: cannot be answered (${String(error).slice(0, 200)})`, {
        cause: error,
      });
