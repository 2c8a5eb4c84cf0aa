/**
 * Reading a request body within limits: bytes are counted while they arrive (also when the length
 * was not announced), nesting before anything is parsed, inputs and characters before any work.
 */
import { InputError, LimitError } from "../core/errors.ts";
import { decodeUtf8, excessOf } from "../core/text.ts";
import type { MiddlewareHandler } from "hono";
import type { Limits } from "./config.ts";
import type { TextInput } from "../serve/predictor.ts";
import type { AppDeps, AppEnv } from "./context.ts";

/**
 * Fields of all objects of a body: parsing hundreds of thousands takes ten times as long as the bytes
 * would. An item of a mixed call has 14 with every parameter; the rest are the body's own.
 */
const FIELDS_PER_INPUT = 16;
const SPARE_FIELDS = 1_000;

/** A client that is still sending reads no answer: this much of a refused body is read and dropped. */
const MAX_DROPPED_BYTES = 16_000_000;

/**
 * Refuses at the door what could not be answered in time, before a body is read or a bucket asked.
 * Throws OverloadedError `overloaded`.
 */
export function limitWork({ arrivals }: AppDeps): MiddlewareHandler<AppEnv> {
  return async function countArrival(c, next) {
    if (c.req.method !== "POST") return next();
    const arrival = arrivals.enter();
    const leave = (): void => arrivals.leave(arrival);
    c.set("arrival", arrival);
    await next();
    if (c.var.streamEnd) void c.var.streamEnd.then(leave);
    else leave();
  };
}

/** Throws LimitError `headers-too-large` for a request line and headers beyond the limit. */
export function limitHeaders({ config }: AppDeps): MiddlewareHandler<AppEnv> {
  return async function checkHeaders(c, next) {
    // As HTTP/1.1 writes them: "name: value" and a line's end.
    let bytes = c.req.raw.url.length;
    for (const [name, value] of c.req.raw.headers) bytes += name.length + value.length + 4;
    if (bytes > config.maxHeaderBytes) {
      throw new LimitError(
        "headers-too-large",
        `headers: are ${bytes} bytes with the URL, allowed are ${config.maxHeaderBytes}`,
      );
    }
    await next();
  };
}

/**
 * The parsed JSON body. Throws InputError `content-type-unsupported`, `json-invalid` or
 * `json-too-deep`, `body-incomplete`, LimitError `body-too-large` or `too-many-fields`.
 */
export async function readJson(
  request: Request,
  { maxBodyBytes, maxJsonDepth, maxInputs }: Limits,
): Promise<unknown> {
  checkContentType(request.headers);
  const bytes = await readBody(request, maxBodyBytes);
  let text: string;
  try {
    // A byte order mark is allowed before JSON (RFC 8259, 8.1) and means nothing.
    text = decodeUtf8(bytes).replace(/^\uFEFF/, "");
  } catch (cause) {
    throw new InputError("json-invalid", "body: is not valid UTF-8", { cause });
  }
  const fields = FIELDS_PER_INPUT * maxInputs + SPARE_FIELDS;
  const excess = excessOf(text, { depth: maxJsonDepth, fields });
  if (excess === "depth") {
    throw new InputError("json-too-deep", `body: nests deeper than ${maxJsonDepth} levels`);
  }
  if (excess === "fields") {
    throw new LimitError(
      "too-many-fields",
      `body: has more than ${fields} fields; send fewer inputs at once`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = text.trim() === "" ? "it is empty" : `${bytes.byteLength} bytes`;
    throw new InputError("json-invalid", `body: is not valid JSON (${reason})`, { cause });
  }
}

/** JSON in UTF-8, not compressed: Workers hand bodies over as they were sent. */
function checkContentType(headers: Headers): void {
  const type = headers.get("content-type");
  // Cut first, then trim: a pattern with spaces on both sides takes .3 s for 16 kB of them.
  const [media = "", ...parameters] = (type ?? "")
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  const charset = parameters.find((item) => item.startsWith("charset="))?.slice("charset=".length);
  if (
    !/^application\/(?:[\w.-]+\+)?json$/.test(media) ||
    !/^"?utf-?8"?$/.test(charset ?? "utf-8")
  ) {
    const found = type === null ? "missing" : JSON.stringify(type.slice(0, 80));
    throw new InputError(
      "content-type-unsupported",
      `content-type: is ${found}, expected application/json in UTF-8 (curl: -H 'content-type: application/json')`,
    );
  }
  const encoding = headers.get("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity") {
    throw new InputError(
      "content-type-unsupported",
      `content-encoding: is ${JSON.stringify(encoding.slice(0, 80))}, expected none`,
    );
  }
}

async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  const read = async () => {
    try {
      return await reader?.read();
    } catch (cause) {
      // The client has left, or its chunks are none: nothing of this service is at fault.
      throw new InputError(
        "body-incomplete",
        `body: broke off after ${size} bytes; send all that content-length announces`,
        { cause },
      );
    }
  };
  for (let part = await read(); part && !part.done; part = await read()) {
    const chunk = part.value as Uint8Array;
    size += chunk.byteLength;
    if (size <= maxBytes) chunks.push(chunk);
    else if (size > maxBytes + MAX_DROPPED_BYTES) {
      await reader?.cancel();
      break;
    }
  }
  if (size > maxBytes) {
    throw new LimitError(
      "body-too-large",
      `body: is larger than ${maxBytes} bytes; send fewer inputs at once`,
    );
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** Half of a surrogate pair without the other: not a character, so it has no tokens. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Counts the inputs of a parsed body before anything looks at them: `inputs` of one task, or those of
 * all `items` together. A body that is not a request at all counts nothing and passes. Throws
 * LimitError `too-many-inputs`.
 */
export function countInputs(body: unknown, { maxInputs }: Pick<Limits, "maxInputs">): void {
  const refuse = (name: string, count: number, unit: string): void => {
    if (count <= maxInputs) return;
    throw new LimitError(
      "too-many-inputs",
      `${name}: has ${count} ${unit}, allowed are ${maxInputs} in one request; send them in several`,
    );
  };
  const own = fieldOf(body, "inputs");
  if (Array.isArray(own)) refuse("inputs", own.length, "items");
  const items = fieldOf(body, "items");
  if (!Array.isArray(items)) return;
  refuse("items", items.length, "items");
  const inputs = items.map((item) => fieldOf(item, "inputs"));
  const counts = inputs.map((input) => (Array.isArray(input) ? input.length : 1));
  const total = counts.reduce((sum, count) => sum + count, 0);
  refuse("items", total, "inputs in all items together");
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;

/**
 * Looks at the texts. Throws InputError `inputs-empty`; returns what is wrong with single texts, by
 * index: InputError `text-empty` or `text-not-unicode`, LimitError `text-too-long`.
 */
export function checkInputs(
  inputs: readonly TextInput[],
  { maxCharacters }: Pick<Limits, "maxCharacters">,
): Map<number, InputError | LimitError> {
  if (inputs.length === 0) {
    throw new InputError("inputs-empty", "inputs: is an empty list, expected at least one text");
  }
  const failures = new Map<number, InputError | LimitError>();
  for (const [index, { text, text_pair: pair }] of inputs.entries()) {
    const failure =
      checkText("text", text, maxCharacters) ??
      (pair === undefined ? null : checkText("text_pair", pair, maxCharacters));
    if (failure) failures.set(index, failure);
  }
  return failures;
}

function checkText(
  subject: string,
  text: string,
  maxCharacters: number,
): InputError | LimitError | null {
  if (text.length > maxCharacters) {
    return new LimitError(
      "text-too-long",
      `${subject}: has ${text.length} characters, allowed are ${maxCharacters}; send it in parts`,
    );
  }
  if (text.trim() === "") {
    return new InputError("text-empty", `${subject}: has no text, expected at least one character`);
  }
  const lone = text.search(LONE_SURROGATE);
  if (lone === -1) return null;
  return new InputError(
    "text-not-unicode",
    `${subject}: has half of a surrogate pair at position ${lone}, expected Unicode text; was it cut inside of a character?`,
  );
}
