/**
 * Input files of `embed` and its like: one text or pair of texts a line, as JSON, in the forms that
 * the endpoint's `inputs` takes. Every failure names the file and the line.
 */
import { InputError } from "../../src/core/errors.ts";
import { describe } from "../../src/core/record.ts";
import { decodeStrict, plainText, readText } from "./text-files.ts";

/** A text or a pair of texts, and the line it stands on, counted from 1. */
export interface InputLine {
  readonly line: number;
  readonly text: string;
  readonly text_pair?: string;
}

const FORMS = '"text", {"text", "text_pair"?} or ["text", "text_pair"]';

/**
 * Reads a .jsonl file; blank lines are passed over. Throws InputError `line-invalid`,
 * `input-unreadable`, FormatError `input-invalid`.
 */
export async function readInputs(path: string): Promise<InputLine[]> {
  return readLines(await readText(path, { kind: "input", isStrict: true }), path);
}

/**
 * Reads standard input: lines as in a file, or plain texts, one a line. The first line decides: it is
 * JSON in one of the forms, or not. Throws InputError `line-invalid`, FormatError `input-invalid`.
 */
export async function readStdin(stdin: AsyncIterable<Uint8Array>): Promise<InputLine[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of plainText(stdin, { subject: "stdin", kind: "input" })) {
    chunks.push(chunk);
  }
  const text = decodeStrict(Buffer.concat(chunks), { subject: "stdin", kind: "input" });
  const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
  const first = lines.find((line) => line.trim() !== "") ?? "";
  if (isForm(first)) return readLines(text, "stdin");
  return lines.flatMap((content, i) =>
    content.trim() === "" ? [] : [{ line: i + 1, text: content }],
  );
}

/** Whether a line is JSON that could be an input: a string, an object or a list. */
function isForm(line: string): boolean {
  if (!/^\s*["{[]/.test(line)) return false;
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

/** Inputs out of the lines of a text. */
function readLines(text: string, subject: string): InputLine[] {
  return text
    .split("\n")
    .flatMap((content, i) =>
      content.trim() === "" ? [] : [readInput(content, i + 1, `${subject} line ${i + 1}`)],
    );
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
