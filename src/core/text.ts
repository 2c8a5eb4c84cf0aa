/** UTF-8 and JSON at the edges of files: strict, with no host objects (core has no TextDecoder type). */
import { FormatError } from "./errors.ts";

// The one host facility that core needs and that every host has; declared here because core's
// type settings offer no host library at all.
declare const TextDecoder: new (
  label: "utf-8",
  options: { fatal: true; ignoreBOM: true },
) => { decode(bytes: Uint8Array): string };
declare const TextEncoder: new () => { encode(text: string): Uint8Array };

/** Bytes -> text; throws a TypeError on anything that is not valid UTF-8. A BOM is kept as text. */
export function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** Text -> UTF-8 bytes. */
export function encodeUtf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/**
 * Deeper than any file of ours and any tokenizer.json; shallow enough that whatever walks the value
 * afterwards, JSON.stringify included, never runs out of stack.
 */
const MAX_JSON_DEPTH = 64;

/**
 * Parses a JSON file, naming it in the FormatError `json-invalid` when it is none or is nested
 * deeper than 64 levels.
 */
export function parseJson(bytes: Uint8Array, subject: string): unknown {
  let text: string;
  let value: unknown;
  try {
    text = decodeUtf8(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(
      "json-invalid",
      `${subject}: is not valid UTF-8 JSON (${bytes.byteLength} bytes)`,
      { cause },
    );
  }
  checkDepth(text, subject);
  return value;
}

const STRINGS = /"(?:[^"\\]|\\.)*"/g;
const BRACKETS = /[[\]{}]/g;

/**
 * Counts brackets outside of strings. By regular expressions, whose loops are compiled: a vocabulary
 * is parsed in every cold start, before the engine has compiled any loop of ours.
 */
function checkDepth(json: string, subject: string): void {
  let depth = 0;
  for (const bracket of json.replace(STRINGS, "").match(BRACKETS) ?? []) {
    if (bracket === "[" || bracket === "{") depth++;
    else depth--;
    if (depth > MAX_JSON_DEPTH) throw tooDeep(subject);
  }
}

const tooDeep = (subject: string): FormatError =>
  new FormatError("json-invalid", `${subject}: is nested deeper than ${MAX_JSON_DEPTH} levels`);

/**
 * Any JSON value, written the same way whatever the order of its keys: identities hash this. What
 * JSON cannot hold is left out of objects and null elsewhere, as in JSON.stringify.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

function write(value: unknown, depth: number): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (depth === MAX_JSON_DEPTH) throw tooDeep("value");
  if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(",")}]`;
  const fields = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, item]) => `${JSON.stringify(key)}:${write(item, depth + 1)}`);
  return `{${fields.join(",")}}`;
}
