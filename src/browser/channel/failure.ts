/**
 * Errors on their way from a Web Worker to its page: a clone of an error would lose its class and its
 * code. Names are written out, since a minified class has another one.
 */
import * as errors from "../../core/errors.ts";

const CLASSES = {
  InputError: errors.InputError,
  FormatError: errors.FormatError,
  MismatchError: errors.MismatchError,
  LimitError: errors.LimitError,
  NotFoundError: errors.NotFoundError,
  UnavailableError: errors.UnavailableError,
  OverloadedError: errors.OverloadedError,
} as const;
type Name = keyof typeof CLASSES;

/** An error as plain data; `code` is null for one that is none of this project's. */
export interface Failure {
  readonly name: string;
  readonly code: string | null;
  readonly message: string;
  /** Only of an OverloadedError, where it is known. */
  readonly retryAfterMs?: number | undefined;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof errors.EdgePrefixError) {
    const { code, message } = error;
    const name = (Object.keys(CLASSES) as Name[]).find((name) => error instanceof CLASSES[name])!;
    return error instanceof errors.OverloadedError
      ? { name, code, message, retryAfterMs: error.retryAfterMs }
      : { name, code, message };
  }
  if (error instanceof Error || error instanceof DOMException) {
    return { name: error.name, code: null, message: error.message };
  }
  return { name: "Error", code: null, message: String(error) };
}

/** The error again, of the class that it had. */
export function errorOf({ name, code, message, retryAfterMs }: Failure): Error {
  if (code === null || !Object.hasOwn(CLASSES, name)) {
    return name === "AbortError"
      ? new DOMException(message, name)
      : Object.assign(new Error(message), { name });
  }
  const options = retryAfterMs === undefined ? {} : { retryAfterMs };
  return Object.assign(new CLASSES[name as Name](code, message, options), { name });
}
