/**
 * Errors -> application/problem+json (RFC 9457): the one place that knows which failure has which
 * status. A code decides where its class alone would say the wrong thing.
 */
import type { Context, Env } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import {
  EdgePrefixError,
  FormatError,
  InputError,
  LimitError,
  MismatchError,
  NotFoundError,
  OverloadedError,
  UnavailableError,
} from "../../core/errors.ts";
import { RequestError } from "../schemas/request-error.ts";
import type { RequestIssue } from "../schemas/request-error.ts";

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly request_id: string;
  readonly errors?: readonly RequestIssue[];
}

/**
 * What clients of other servers look for in a failure: Hugging Face's show `error` where it is a text,
 * OpenAI's read an object of it. So its kind is that of the route.
 */
type ErrorMember =
  | string
  | {
      readonly message: string;
      readonly type: string;
      readonly param: string | null;
      readonly code: string;
    };

/** Routes in OpenAI's shape, below whatever path the app is mounted. */
const OPENAI_ROUTE = /\/v1\/(?:embeddings|models|batches|files|uploads)(?:\/|$)/;

const OPENAI_TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  429: "rate_limit_error",
};

function errorMember(path: string, { status, detail, code, errors }: Problem): ErrorMember {
  if (!OPENAI_ROUTE.test(path)) return detail;
  const type = OPENAI_TYPES[status] ?? (status >= 500 ? "server_error" : "invalid_request_error");
  const param = errors?.[0]?.path.split("/")[1] ?? null;
  return { message: detail, type, param, code };
}

/** Longer paths are none of ours: cut where they are repeated. */
export const instanceOf = (c: Context): string => c.req.path.slice(0, 200);

/** One input's failure that fails the whole request. */
export class FailedInputError extends Error {
  readonly failure: EdgePrefixError;
  /** JSON pointer of the input. */
  readonly path: string;

  constructor(failure: EdgePrefixError, path: string) {
    super(failure.message, { cause: failure });
    this.failure = failure;
    this.path = path;
  }
}

const STATUS_OF_CODE: Readonly<Record<string, ContentfulStatusCode>> = {
  "key-missing": 401,
  "key-unknown": 401,
  "not-allowed": 403,
  "method-not-allowed": 405,
  "not-acceptable": 406,
  "content-type-unsupported": 415,
  "body-timeout": 408,
  "inputs-empty": 422,
  "labels-empty": 422,
  "text-empty": 422,
  "text-not-unicode": 422,
  "text-not-runnable": 422,
  "range-not-satisfiable": 416,
  "rate-limited": 429,
  "headers-too-large": 431,
  // The Worker's own settings and the bucket's objects are not the caller's fault.
  "config-invalid": 503,
  "object-too-large": 503,
};

const TITLES: Readonly<Record<number, string>> = {
  400: "The request is not valid",
  401: "A key is needed",
  403: "The key does not allow this",
  404: "There is no such thing here",
  405: "The route does not take this method",
  406: "No answer of the accepted kinds exists",
  408: "The request took too long to arrive",
  409: "The task was made for another base",
  413: "The request is larger than allowed",
  415: "The content type is not supported",
  416: "The range lies behind the end of the file",
  422: "The text cannot be read",
  429: "There were too many requests",
  431: "The headers are larger than allowed",
  499: "The client has left",
  500: "Something is wrong in the server",
  503: "This cannot be answered now",
};

/** What a status means here, in a few words. */
export const problemTitle = (status: number): string => TITLES[status] ?? "";

/** Seconds after which trying again may help; a code that is not here needs a change by the operator or the client. */
const RETRY_AFTER: Readonly<Record<string, number>> = {
  overloaded: 1,
  "too-many-bodies": 1,
  "deadline-exceeded": 1,
  "base-not-ready": 1,
  "load-stalled": 1,
  "bucket-unavailable": 5,
};

/** Seconds for the retry-after header: forecast where the error knows, else by its code. */
export function retryAfterOf(error: unknown): number | undefined {
  if (error instanceof FailedInputError) return retryAfterOf(error.failure);
  if (!(error instanceof EdgePrefixError)) return undefined;
  const ms = error instanceof OverloadedError ? error.retryAfterMs : undefined;
  return ms === undefined ? RETRY_AFTER[error.code] : Math.max(1, Math.ceil(ms / 1000));
}

function statusOf(error: unknown): ContentfulStatusCode {
  if (!(error instanceof EdgePrefixError))
    return isAbort(error) ? (499 as ContentfulStatusCode) : 500;
  const byCode = STATUS_OF_CODE[error.code];
  if (byCode !== undefined) return byCode;
  if (error instanceof InputError) return 400;
  if (error instanceof NotFoundError) return 404;
  if (error instanceof MismatchError) return 409;
  if (error instanceof LimitError) return 413;
  if (error instanceof FormatError || error instanceof UnavailableError) return 503;
  return error instanceof OverloadedError ? 503 : 500;
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === "AbortError";

/** The problem document of any error. What the caller cannot use (stack, cause) stays out. */
export function problemOf(error: unknown, instance: string, requestId: string): Problem {
  if (error instanceof FailedInputError) {
    const { failure, path } = error;
    const issue = { path, code: failure.code, detail: failure.message };
    const problem = problemOf(failure, instance, requestId);
    return { ...problem, detail: `${path}: ${failure.message}`, errors: [issue] };
  }
  const status = statusOf(error);
  const isKnown = error instanceof EdgePrefixError;
  const code = isKnown ? error.code : isAbort(error) ? "client-left" : "internal";
  return {
    type: `urn:edge-prefix:problem:${code}`,
    title: problemTitle(status),
    status,
    detail: isKnown ? error.message : "an unexpected error; the logs have it under the request id",
    instance,
    code,
    request_id: requestId,
    ...(error instanceof RequestError ? { errors: error.issues } : {}),
  };
}

const CHALLENGE: Readonly<Record<string, string>> = {
  "key-missing": 'Bearer realm="edge-prefix"',
  "key-unknown": 'Bearer realm="edge-prefix", error="invalid_token"',
};

/** Answers with a problem document; headers that were set before stay. */
export function respondProblem<E extends Env>(
  c: Context<E>,
  problem: Problem,
  retryAfter?: number,
): Response {
  if (retryAfter !== undefined) c.header("retry-after", String(retryAfter));
  // RFC 6750: what to send, and whether what was sent was the trouble.
  if (problem.status === 401) c.header("www-authenticate", CHALLENGE[problem.code]);
  c.header("content-type", "application/problem+json");
  c.header("cache-control", "no-store");
  const body = JSON.stringify(problemBody(c.req.path, problem));
  return c.body(body, problem.status as ContentfulStatusCode);
}

/** What a route answers with a problem: the document, and what other servers' clients look for. */
export const problemBody = (path: string, problem: Problem) => ({
  ...problem,
  error: errorMember(path, problem),
});
