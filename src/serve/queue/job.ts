/**
 * A row on its way through the queue: plain data, so that a request can run the rows of others and
 * have its own rows run by them.
 */
import { OverloadedError } from "../../core/errors.ts";
import type { Queries, Row } from "../../core/model/rows.ts";

/** A row, and what is kept of it. */
export interface Work<T> {
  readonly row: Row;
  /**
   * What its request makes of its hidden states [q, H], q = 1 or the row's length, as soon as they are
   * there: those of a long text would fill an isolate before its last window has run.
   */
  reduce(hidden: Float32Array): T;
}

/** One row waiting for, or done with, its run. */
export interface Job<T = unknown> extends Work<T> {
  readonly queries: Queries;
  /** Runs that had begun when its request came in. If there are more now, other requests are waiting too. */
  readonly runsSeen: number;
  readonly submittedAt: number;
  readonly deadlineAt: number;
  state: "waiting" | "running" | "done";
  /** Its batch failed: it runs without other rows, to find the row that is at fault. */
  isAlone: boolean;
  /** Null until it is done, or where it failed. */
  result: { readonly value: T } | null;
  error: unknown;
  /** Milliseconds until its run began. */
  queueMs: number;
  /** The run that answered it, shared with the other rows of its batch. */
  run: { readonly ms: number } | null;
}

export const isDone = (job: Job): boolean => job.state === "done";

/** A fault of one row's numbers is its own request's alone. */
export function settle(job: Job, hidden: Float32Array): void {
  try {
    job.result = { value: job.reduce(hidden) };
    job.state = "done";
  } catch (error) {
    fail(job, error);
  }
}

export function fail(job: Job, error: unknown): void {
  job.error = error;
  job.state = "done";
}

/** Fails a job that could not be done in time. */
export const failLate = (job: Job): void =>
  fail(
    job,
    new OverloadedError(
      "deadline-exceeded",
      "request: its deadline passed before all of its work was done; send less at once or try again later",
    ),
  );
