/** UTF-8 and JSON at the edges of files: strict, with no host objects (core has no TextDecoder type). */
import { FormatError } from "./errors.ts";

// The one host facility that core needs and that every host has; declared here because core's
// type settings offer no host library at all.
declare const TextDecoder: new (
  label: "utf-8",
  options: { fatal: boolean; ignoreBOM: true },
) => { decode(bytes: Uint8Array): string };
declare const TextEncoder: new () => { encode(text: string): Uint8Array };

/** Bytes -> text; throws a TypeError on anything that is not valid UTF-8. A BOM is kept as text. */
export function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** Bytes -> text; what is not valid UTF-8 reads as U+FFFD. A BOM is kept as text. */
export function decodeLoosely(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(bytes);
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
  if (excessOf(text, { depth: MAX_JSON_DEPTH, fields: Infinity })) throw tooDeep(subject);
  return value;
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT, COLON] = [
  0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d, 0x3a,
];

/**
 * What JSON has more of than allowed, levels or fields of objects in all; null when neither. Whether
 * it is JSON at all is the parser's business. Counts brackets and colons outside of strings, which are
 * skipped by `indexOf`: a vocabulary is nearly all strings, and is parsed in every cold start, before
 * the engine has compiled any loop of ours.
 */
export function excessOf(
  json: string,
  allowed: { readonly depth: number; readonly fields: number },
): "depth" | "fields" | null {
  let depth = 0;
  let fields = 0;
  for (let i = 0; i < json.length; i++) {
    const unit = json.charCodeAt(i);
    if (unit === QUOTE) i = endOfString(json, i);
    else if (unit === CLOSE_LIST || unit === CLOSE_OBJECT) depth--;
    else if (unit === COLON) {
      if (++fields > allowed.fields) return "fields";
    } else if ((unit === OPEN_LIST || unit === OPEN_OBJECT) && ++depth > allowed.depth) {
      return "depth";
    }
  }
  return null;
}

/** Where the string that begins at `start` ends; the end of the text where nothing ends it. */
function endOfString(json: string, start: number): number {
  let end = start;
  let backslashes: number;
  do {
    end = json.indexOf('"', end + 1);
    if (end === -1) return json.length;
    backslashes = 0;
    while (json.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
  } while (backslashes % 2 === 1);
  return end;
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
