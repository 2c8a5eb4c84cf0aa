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

/** Parses a JSON file, naming it in the FormatError `json-invalid` when it is none. */
export function parseJson(bytes: Uint8Array, subject: string): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes));
  } catch (cause) {
    throw new FormatError(
      "json-invalid",
      `${subject}: is not valid UTF-8 JSON (${bytes.byteLength} bytes)`,
      { cause },
    );
  }
}

/** Any JSON value, written the same way whatever the order of its keys: identities hash this. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`);
    return `{${fields.join(",")}}`;
  }
  return JSON.stringify(value);
}

/** Bytes as lower-case hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
