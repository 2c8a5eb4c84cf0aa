/** Reading files of text as people have them: gzip or not, UTF-8 or UTF-16 with a byte order mark. */
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { FormatError, InputError, LimitError } from "../../src/core/errors.ts";
import { isMissing } from "./files.ts";

/** Beyond this a file does not fit a JavaScript string (2^29 UTF-16 units in V8). */
const MAX_DATA_BYTES = 500_000_000;
/** A gzip member starts with these two bytes (RFC 1952). */
const GZIP = [0x1f, 0x8b];
/** Byte order marks of the encodings, besides UTF-8, that spreadsheets write. */
const BYTE_ORDER_MARKS = { "utf-16le": [0xff, 0xfe], "utf-16be": [0xfe, 0xff] } as const;

/**
 * The text of a file. Throws InputError or FormatError `data-unreadable`, LimitError
 * `data-too-large`.
 */
export async function readText(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const what = isMissing(cause) ? "there is no such file" : "cannot be read";
    throw new InputError("data-unreadable", `${path}: ${what}`, { cause });
  }
  if (startsWith(bytes, GZIP)) {
    try {
      bytes = await promisify(gunzip)(bytes, { maxOutputLength: MAX_DATA_BYTES });
    } catch (cause) {
      throw new FormatError("data-unreadable", `${path}: is gzip, but cannot be unpacked`, {
        cause,
      });
    }
  }
  if (bytes.byteLength > MAX_DATA_BYTES) {
    throw new LimitError(
      "data-too-large",
      `${path}: is ${bytes.byteLength} bytes, allowed are ${MAX_DATA_BYTES}; split it`,
    );
  }
  const encodings = ["utf-16le", "utf-16be"] as const;
  const encoding = encodings.find((name) => startsWith(bytes, BYTE_ORDER_MARKS[name])) ?? "utf-8";
  // Invalid bytes become U+FFFD, which the row check below reports with its line.
  return new TextDecoder(encoding).decode(bytes);
}

const startsWith = (bytes: Uint8Array, mark: readonly number[]): boolean =>
  mark.every((byte, i) => bytes[i] === byte);
