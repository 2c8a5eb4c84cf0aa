/** What becomes of a row: a line of the output, or one of the list of errors. */
import type { EdgePrefixError } from "../../core/errors.ts";
import type { Job } from "./job.ts";
import type { Row } from "./rows.ts";

/** An answer to a row that could be asked. */
export type Answer =
  /** Of a row of one task: the answer, as the endpoint gives it for one text of a list. */
  | { readonly result: unknown }
  /** Of a request: what the route answered, whatever its status. */
  | { readonly status: number; readonly requestId: string; readonly body: unknown }
  | { readonly error: EdgePrefixError };

/**
 * Answers rows, in their order. What is wrong with one row is its answer; what is thrown concerns all
 * of them: UnavailableError and OverloadedError where trying again later may help.
 */
export type AnswerRows = (
  job: Job,
  rows: readonly Row[],
  signal: AbortSignal,
) => Promise<readonly Answer[]>;

export interface Line {
  readonly isError: boolean;
  readonly text: string;
}

/** The line of a row. */
export function lineOf(job: Pick<Job, "id" | "rows">, row: Row, answer: Answer): Line {
  if (job.rows.kind !== "requests") {
    if ("result" in answer) return toLine(false, { id: row.id, result: answer.result });
    const error = "error" in answer ? answer.error : unexpected(row);
    return toLine(true, { id: row.id, line: row.line, error: problemOf(error) });
  }
  // OpenAI's names; a row that was not asked has no response.
  const id = `batch_req_${job.id.slice(-8)}_${row.line}`;
  if ("status" in answer) {
    const { status: status_code, requestId: request_id, body } = answer;
    const response = { status_code, request_id, body };
    return toLine(status_code >= 400, { id, custom_id: row.id, response, error: null });
  }
  const { code, detail: message } = problemOf("error" in answer ? answer.error : unexpected(row));
  const error = { code, message, line: row.line };
  return toLine(true, { id, custom_id: row.id, response: null, error });
}

const toLine = (isError: boolean, value: object): Line => ({
  isError,
  text: JSON.stringify(value),
});

const problemOf = ({ code, message: detail }: EdgePrefixError) => ({ code, detail });

const unexpected = (row: Row): never => {
  throw new TypeError(`line ${row.line}: was answered in another form than it was asked`);
};
