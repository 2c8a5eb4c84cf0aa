/**
 * Reads untrusted JSON objects field by field. Every failure names the file, the field, what was
 * found and what is allowed, as a FormatError with the code that the reader was made with.
 */
import { FormatError } from "./errors.ts";

export interface RecordReader {
  /** The error for this record; for checks that span fields. */
  fail(what: string): never;
  has(field: string): boolean;
  string(field: string, pattern?: RegExp): string;
  oneOf<const T extends string>(field: string, allowed: readonly T[]): T;
  /** A finite number in [min, max]. */
  number(field: string, min: number, max: number): number;
  /** An integer in [min, max]. */
  count(field: string, min: number, max: number): number;
  /** An array with at most `maxLength` items, each read by `item`. */
  list<T>(field: string, maxLength: number, item: (value: unknown, name: string) => T): T[];
  /** A nested object. */
  record(field: string): RecordReader;
  /** Names of all fields present. */
  fields(): string[];
  /** The raw value, for free-form fields such as metrics. */
  raw(field: string): unknown;
}

/** Opens `value` for reading; throws when it is no object. */
export function readRecord(value: unknown, subject: string, code: string): RecordReader {
  const fail = (what: string): never => {
    throw new FormatError(code, `${subject}: ${what}`);
  };
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fail(`is ${describe(value)}, expected an object`);
  }
  // A Map, so that a field called "__proto__" or "constructor" is an ordinary field.
  const fields = new Map(Object.entries(value));
  const wrong = (field: string, expected: string): never =>
    fail(`"${field}" is ${describe(fields.get(field))}, expected ${expected}`);

  return {
    fail,
    has: (field) => fields.get(field) !== undefined && fields.get(field) !== null,
    string(field, pattern) {
      const found = fields.get(field);
      if (typeof found !== "string") return wrong(field, "a string");
      if (pattern && !pattern.test(found)) return wrong(field, `a string like ${pattern.source}`);
      return found;
    },
    oneOf(field, allowed) {
      const found = fields.get(field);
      return (
        allowed.find((item) => item === found) ??
        wrong(field, `one of ${allowed.map((item) => JSON.stringify(item)).join(", ")}`)
      );
    },
    number(field, min, max) {
      const found = fields.get(field);
      if (typeof found !== "number" || !(found >= min && found <= max)) {
        return wrong(field, `a number from ${min} to ${max}`);
      }
      return found;
    },
    count(field, min, max) {
      const found = fields.get(field);
      if (!Number.isSafeInteger(found) || (found as number) < min || (found as number) > max) {
        return wrong(field, `an integer from ${min} to ${max}`);
      }
      return found as number;
    },
    list(field, maxLength, item) {
      const found = fields.get(field);
      if (!Array.isArray(found)) return wrong(field, "an array");
      if (found.length > maxLength) return wrong(field, `an array of at most ${maxLength} items`);
      return found.map((value, i) => item(value, `${subject}: "${field}"[${i}]`));
    },
    record: (field) => readRecord(fields.get(field), `${subject}: "${field}"`, code),
    fields: () => [...fields.keys()],
    raw: (field) => fields.get(field),
  };
}

/** A short description of any JSON value for a message. */
export function describe(value: unknown): string {
  if (value === undefined) return "missing";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
