/**
 * Reading text as people have it, for every verb: gzip or not (told by its first bytes), UTF-8 with
 * or without a byte order mark, UTF-16. All readers below share one pipeline, `plainText`.
 */
import { constants, createReadStream } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { FormatError, InputError, LimitError } from "../../src/core/errors.ts";
import { decodeUtf8 } from "../../src/core/text.ts";
import { MARK_BYTES, encodingOf, isGzip } from "../../src/core/text-encoding.ts";
import type { Subject } from "../../src/core/text-encoding.ts";

/** Beyond this a file does not fit a JavaScript string (2^29 UTF-16 units in V8). */
const MAX_TEXT_BYTES = 500_000_000;
const NEWLINE = 0x0a;
const LINE_END = /\r\n?|\n|\u2028|\u2029/;

export interface ReadTextOptions {
  /** First part of the code of errors: `data-unreadable`, `input-unreadable`, .. */
  readonly kind?: "data" | "input";
  /** Refuses bytes that are not UTF-8 instead of replacing them by U+FFFD. */
  readonly isStrict?: boolean;
}

/** The bytes of a file as they are; throws InputError `<kind>-unreadable`. */
export async function readBytes(path: string, kind: string): Promise<Uint8Array> {
  const of = { subject: path, kind };
  await checkFile(path, of);
  return readFile(path).catch((cause: unknown) => {
    throw unreadable(cause, of);
  });
}

/**
 * The text of a file, without a byte order mark. Throws InputError `<kind>-unreadable` (not there,
 * a folder), FormatError `<kind>-invalid` (binary, damaged gzip, not UTF-8 where strict), LimitError
 * `<kind>-too-large`.
 */
export async function readText(path: string, options: ReadTextOptions = {}): Promise<string> {
  const { kind = "data", isStrict = false } = options;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of plainFile(path, { subject: path, kind })) {
    size += chunk.byteLength;
    if (size > MAX_TEXT_BYTES) {
      throw new LimitError(
        `${kind}-too-large`,
        `${path}: has more than ${MAX_TEXT_BYTES} bytes of text; split it`,
      );
    }
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (isStrict) return decodeStrict(bytes, { subject: path, kind });
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** UTF-8 -> text; throws FormatError `<kind>-invalid` that names the first line that is not UTF-8. */
export function decodeStrict(bytes: Uint8Array, { subject, kind }: Subject): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw new FormatError(
      `${kind}-invalid`,
      `${subject}: is not UTF-8 text in line ${firstBadLine(bytes)}; save it as UTF-8`,
      { cause },
    );
  }
}

/**
 * The lines of a corpus, which may be larger than memory. Every line end of Unicode ends a line.
 * Throws InputError `corpus-unreadable`, FormatError `corpus-invalid`.
 */
export async function* corpusLines(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let rest = "";
  for await (const chunk of plainFile(path, { subject: `corpus ${path}`, kind: "corpus" })) {
    const text = rest + decoder.decode(chunk, { stream: true });
    // A carriage return at the end may be the first half of a line end.
    const isCut = text.endsWith("\r");
    const lines = (isCut ? text.slice(0, -1) : text).split(LINE_END);
    rest = lines.pop()! + (isCut ? "\r" : "");
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield* rest.replace(/\r$/, "").split(LINE_END);
}

/** The bytes of a file as UTF-8 without a byte order mark, in chunks. */
async function* plainFile(path: string, of: Subject): AsyncGenerator<Uint8Array> {
  await checkFile(path, of);
  const stream = createReadStream(path);
  try {
    yield* plainText(stream, of);
  } catch (cause) {
    throw isNodeError(cause) ? unreadable(cause, of) : cause;
  } finally {
    stream.destroy();
  }
}

/**
 * Any stream of text as UTF-8 without a byte order mark: unpacks gzip, recodes UTF-16. Throws
 * FormatError `<kind>-invalid` for what is not text.
 */
export async function* plainText(
  source: AsyncIterable<Uint8Array>,
  of: Subject,
): AsyncGenerator<Uint8Array> {
  const { start, rest } = await peek(source);
  const unpacked = isGzip(start) ? await peek(unpack(rest, of)) : { start, rest };
  const encoding = encodingOf(unpacked.start, of);
  if (encoding.name === "utf-8") {
    let skip = encoding.markBytes;
    for await (const chunk of unpacked.rest) {
      yield skip > 0 ? chunk.subarray(skip) : chunk;
      skip = 0;
    }
    return;
  }
  const decoder = new TextDecoder(encoding.name); // takes the mark away
  for await (const chunk of unpacked.rest) {
    yield Buffer.from(decoder.decode(chunk, { stream: true }));
  }
  yield Buffer.from(decoder.decode());
}

/** The first bytes of a stream and the whole stream; waits for a mark's bytes, or for one line. */
async function peek(
  source: AsyncIterable<Uint8Array>,
): Promise<{ start: Uint8Array; rest: AsyncGenerator<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  let start: Uint8Array = new Uint8Array(0);
  let isDone = false;
  while (!isDone && start.length < MARK_BYTES && start.at(-1) !== NEWLINE) {
    const next = await iterator.next();
    if (next.done) isDone = true;
    else start = Buffer.concat([start, next.value]);
  }
  async function* rest(): AsyncGenerator<Uint8Array> {
    try {
      yield start;
      while (!isDone) {
        const next = await iterator.next();
        if (next.done) isDone = true;
        else yield next.value;
      }
    } finally {
      if (!isDone) await iterator.return?.();
    }
  }
  return { start, rest: rest() };
}

async function* unpack(
  packed: AsyncIterable<Uint8Array>,
  { subject, kind }: Subject,
): AsyncGenerator<Uint8Array> {
  const source = Readable.from(packed);
  const gunzip = createGunzip();
  let sourceError: Error | undefined;
  source.on("error", (error) => gunzip.destroy((sourceError = error)));
  try {
    yield* source.pipe(gunzip) as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (sourceError !== undefined) throw sourceError;
    throw new FormatError(
      `${kind}-invalid`,
      `${subject}: is gzip, but cannot be unpacked; is it complete?`,
      { cause },
    );
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

/** The number of the first line that is not UTF-8. */
function firstBadLine(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const found = bytes.indexOf(NEWLINE, start);
    const end = found < 0 ? bytes.length : found;
    try {
      decodeUtf8(bytes.subarray(start, end));
    } catch {
      return line;
    }
    start = end + 1;
  }
  return line;
}

async function checkFile(path: string, of: Subject): Promise<void> {
  await refuseFolder(path, of.subject, of.kind);
  await access(path, constants.R_OK).catch((cause: unknown) => {
    throw unreadable(cause, of);
  });
}

/** Throws InputError `<kind>-unreadable` where a file is expected and a folder is found. */
export async function refuseFolder(path: string, subject = path, kind = "data"): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() !== true) return;
  throw new InputError(
    `${kind}-unreadable`,
    `${subject}: is a folder, which cannot be read as a file; name a file in it`,
  );
}

const isNodeError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && "syscall" in error;

function unreadable(cause: unknown, { subject, kind }: Subject): InputError {
  const code = isNodeError(cause) ? (cause.code ?? "") : "";
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "there is no such file",
    ENOTDIR: "there is no such file",
    EACCES: "you may not read it",
    EPERM: "you may not read it",
  };
  const what = reasons[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new InputError(`${kind}-unreadable`, `${subject}: cannot be read (${code}: ${what})`, {
    cause,
  });
}
