/**
 * Input files of `embed` and its like: one text or pair of texts a line, as JSON, in the forms that
 * the endpoint's `inputs` takes. Every failure names the file and the line.
 */
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { InputError, NotFoundError } from "../../src/core/errors.ts";
import { describe } from "../../src/core/record.ts";
import { decodeUtf8 } from "../../src/core/text.ts";

/** A text or a pair of texts, and the line it stands on, counted from 1. */
export interface InputLine {
  readonly line: number;
  readonly text: string;
  readonly text_pair?: string;
}

const FORMS = '"text", {"text", "text_pair"?} or ["text", "text_pair"]';

/** Reads a .jsonl file, .gz too; blank lines are passed over. Throws InputError `line-invalid`. */
export async function readInputs(path: string): Promise<InputLine[]> {
  const lines = (await readText(path)).split("\n");
  return lines.flatMap((text, i) =>
    text.trim() === "" ? [] : [readInput(text, i + 1, `${path} line ${i + 1}`)],
  );
}

/** The text of a file, unpacked when its name ends in .gz; strict UTF-8. */
export async function readText(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NotFoundError("input-unreadable", `${path}: cannot be read (${reason})`, { cause });
  }
  try {
    return decodeUtf8(path.endsWith(".gz") ? gunzipSync(bytes) : bytes);
  } catch (cause) {
    const kind = path.endsWith(".gz") ? "gzip of UTF-8 text" : "UTF-8 text";
    throw new InputError("input-invalid", `${path}: is not ${kind}`, { cause });
  }
}

function readInput(json: string, line: number, subject: string): InputLine {
  const fail = (what: string): never => {
    throw new InputError("line-invalid", `${subject}: ${what}; expected ${FORMS}`);
  };
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return fail("is not JSON");
  }
  const string = (found: unknown, field: string): string => {
    if (typeof found !== "string") return fail(`${field} is ${describe(found)}`);
    if (!found.isWellFormed()) return fail(`${field} has half of a surrogate pair`);
    return found;
  };
  if (typeof value === "string") return { line, text: string(value, "the text") };
  if (Array.isArray(value) && value.length === 2) {
    return { line, text: string(value[0], "the text"), text_pair: string(value[1], "the pair") };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fail(`is ${describe(value)}`);
  }
  const { text, text_pair: pair } = value as { text?: unknown; text_pair?: unknown };
  const first = string(text, '"text"');
  return pair === undefined || pair === null
    ? { line, text: first }
    : { line, text: first, text_pair: string(pair, '"text_pair"') };
}
