/**
 * Every failure that a user can cause or repair, as one small family of classes.
 *
 * `code` is a stable kebab-case string that callers, logs, problem documents and tests match on;
 * the message is for people: subject, what was found, what is allowed, a hint.
 */

/** Root of the family; never thrown itself. */
export abstract class EdgePrefixError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** A request or a command line asks for something that is not allowed: the caller can fix it. */
export class InputError extends EdgePrefixError {}

/** A file is not what its format says: truncated, corrupt, lying about itself. */
export class FormatError extends EdgePrefixError {}

/** Two good artifacts do not belong together, such as a prefix and another base. */
export class MismatchError extends EdgePrefixError {}

/** Something is larger than a named limit. */
export class LimitError extends EdgePrefixError {}

/** The named thing (task, version, blob, route) does not exist. */
export class NotFoundError extends EdgePrefixError {}

/** Something that should exist cannot be read now; trying again may help. */
export class UnavailableError extends EdgePrefixError {}

/** There is more work than can be done in time; trying again later helps. */
export class OverloadedError extends EdgePrefixError {
  /** Milliseconds after which there should be room, where that can be told. */
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, options?: { cause?: unknown; retryAfterMs?: number }) {
    super(code, message, options);
    this.retryAfterMs = options?.retryAfterMs;
  }
}
