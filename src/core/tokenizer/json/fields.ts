/**
 * Fields that several components of a tokenizer.json have, each checked as it is read: the file is
 * untrusted.
 */
import { describe, readRecord, type RecordReader } from "../../record.ts";

/** Code of every error about a file that is no tokenizer. */
export const INVALID = "tokenizer-invalid";
/** What error messages call the file. */
export const SUBJECT = "tokenizer.json";

/** UTF-16 units of a vocabulary word or added token; bounds the work per character of text. */
export const MAX_WORD_UNITS = 512;
/** Far above the rows of any word table; a trie keeps ids beside flags. */
export const MAX_ID = 2 ** 28 - 1;

/** A field that has to be true or false. */
export function readFlag(fields: RecordReader, field: string): boolean {
  const found = fields.raw(field);
  if (typeof found === "boolean") return found;
  return fields.fail(`"${field}" is ${describe(found)}, expected true or false`);
}

/** A text field, checked by `checkText`. */
export function readText(fields: RecordReader, field: string): string {
  return checkText(fields, field, fields.string(field));
}

/** A vocabulary word or token: of limited length, and possible as UTF-8. */
export function checkText(fields: RecordReader, field: string, text: string): string {
  if (text.length > MAX_WORD_UNITS) {
    return fields.fail(`"${field}" has a text of ${text.length} units, limit ${MAX_WORD_UNITS}`);
  }
  if (LONE_SURROGATE.test(text)) {
    return fields.fail(`"${field}" has a text with a lone surrogate: ${describe(text)}`);
  }
  return text;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Whether a value can be a token id. */
export const isId = (id: unknown): id is number =>
  Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) <= MAX_ID;

/** An id, or the error that says what it is instead. */
export function checkId(fields: RecordReader, field: string, id: unknown): number {
  return isId(id) ? id : failId(fields, field, id);
}

function failId(fields: RecordReader, field: string, id: unknown): never {
  return fields.fail(`${field}: id is ${describe(id)}, expected an integer from 0 to ${MAX_ID}`);
}

/** Steps of a sequence; real files have up to four. */
const MAX_STEPS = 16;

/** A component's steps: those that a Sequence lists in `field`, or the component itself. */
export const stepsOf = (fields: RecordReader, field: string): RecordReader[] =>
  fields.string("type") === "Sequence"
    ? fields.list(field, MAX_STEPS, (value, name) => readRecord(value, name, INVALID))
    : [fields];
