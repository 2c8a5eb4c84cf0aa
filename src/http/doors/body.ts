/**
 * Reading a request's JSON within limits: bytes are counted while they arrive (also when the length
 * was not announced), the time of all of them has an end, and levels and fields are counted before
 * anything is parsed.
 */
import { InputError, LimitError, OverloadedError } from "../../core/errors.ts";
import { decodeUtf8, excessOf } from "../../core/text.ts";
import type { AppContext, AppDeps } from "../context/context.ts";
import type { OpenBody } from "../context/open-bodies.ts";
import type { Limits } from "../settings/config.ts";

/**
 * Fields of all objects of a body: parsing hundreds of thousands takes ten times as long as the bytes
 * would. An item of a mixed call has 14 with every parameter; the rest are the body's own.
 */
const FIELDS_PER_INPUT = 16;
const SPARE_FIELDS = 1_000;

/** A client that is still sending reads no answer: this much of a refused body is read and dropped. */
const MAX_DROPPED_BYTES = 16_000_000;

/** How often a body that is being waited for is looked at. */
const WATCH_MS = 1_000;

/**
 * The parsed JSON body. Throws InputError `content-type-unsupported`, `json-invalid`, `json-too-deep`,
 * `body-incomplete` or `body-timeout`, LimitError `body-too-large` or `too-many-fields`,
 * OverloadedError `too-many-bodies`, and what `Arrivals.receive` refuses a complete body for.
 */
export async function readJson(c: AppContext, deps: AppDeps): Promise<unknown> {
  checkContentType(c.req.raw.headers);
  const bytes = await readBody(c, deps);
  const { arrival } = c.var;
  if (arrival) deps.arrivals.receive(arrival);
  let text: string;
  try {
    // A byte order mark is allowed before JSON (RFC 8259, 8.1) and means nothing.
    text = decodeUtf8(bytes).replace(/^\uFEFF/, "");
  } catch (cause) {
    throw new InputError("json-invalid", "body: is not valid UTF-8", { cause });
  }
  checkJson(text, deps.config);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = text.trim() === "" ? "it is empty" : `${bytes.byteLength} bytes`;
    throw new InputError("json-invalid", `body: is not valid JSON (${reason})`, { cause });
  }
}

/** Throws InputError `json-too-deep` or LimitError `too-many-fields` for a body that is dear to parse. */
export function checkJson(
  text: string,
  { maxJsonDepth, maxInputs }: Pick<Limits, "maxJsonDepth" | "maxInputs">,
): void {
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
}

/** Throws LimitError `body-too-large` for a body of so many bytes. */
export function checkSize(bytes: number, { maxBodyBytes }: Pick<Limits, "maxBodyBytes">): void {
  if (bytes <= maxBodyBytes) return;
  throw new LimitError(
    "body-too-large",
    `body: is larger than ${maxBodyBytes} bytes; send fewer inputs at once`,
  );
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

async function readBody(c: AppContext, { config, wait }: AppDeps): Promise<Uint8Array> {
  const { body } = c.var;
  const reader = (c.req.raw.body as ReadableStream<Uint8Array> | null)?.getReader();
  if (!reader || !body) return new Uint8Array(0);
  const { maxBodyBytes, bodyTimeoutMs } = config;
  let isRead = false;
  let isComplete = false;
  let size = 0;

  async function receive(open: OpenBody): Promise<void> {
    try {
      for (let part = await next(); !part.done; part = await next()) {
        if (isRead) return;
        size += part.value.byteLength;
        if (size <= maxBodyBytes) open.append(part.value);
        else open.close();
        if (open.isGivenUp || size > maxBodyBytes + MAX_DROPPED_BYTES) return;
      }
      isComplete = true;
    } finally {
      isRead = true;
    }
  }

  async function next() {
    try {
      return await reader!.read();
    } catch (cause) {
      // The client has left, or its chunks are none: nothing of this service is at fault.
      throw new InputError(
        "body-incomplete",
        `body: broke off after ${size} bytes; send all that content-length announces`,
        { cause },
      );
    }
  }

  /** Settles when the body's time is over, or it has been given up. */
  async function watch(open: OpenBody): Promise<void> {
    for (let left = bodyTimeoutMs; left > 0 && !open.isGivenUp; left -= WATCH_MS) {
      await wait(Math.min(left, WATCH_MS));
      if (isRead) return;
    }
    if (open.isGivenUp) return;
    throw new InputError(
      "body-timeout",
      `body: ${size} bytes have come in ${bodyTimeoutMs} ms and it is not complete; send it faster or in parts`,
    );
  }

  try {
    await Promise.race([receive(body), watch(body)]);
  } finally {
    isRead = true;
    body.close();
    // A complete body needs no cancelling; of another, nothing more is to be taken in.
    if (!isComplete) reader.cancel().catch(() => undefined);
  }
  if (body.isGivenUp) {
    throw new OverloadedError(
      "too-many-bodies",
      "body: too many bodies are being sent at once, and this one had to make room; try again later",
    );
  }
  checkSize(size, config);
  return body.bytes;
}
