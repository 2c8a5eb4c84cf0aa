/** How much a request may be: its place among others, its headers, its inputs and their characters. */
import { InputError, LimitError } from "../../core/errors.ts";
import type { MiddlewareHandler } from "hono";
import type { Limits } from "../settings/config.ts";
import type { TextInput } from "../../serve/predictor.ts";
import type { AppDeps, AppEnv } from "../context/context.ts";
import { createOpenBodies } from "../context/open-bodies.ts";
import { callerOf } from "./rate-limit.ts";

/** Bodies of the largest size that all callers together may be sending. */
const LARGE_BODIES = 8;

/**
 * Refuses at the door what could not be answered in time, before a body is read or a bucket asked, and
 * counts the request until it is answered or its client leaves. Throws OverloadedError `overloaded`.
 */
export function limitWork({ arrivals, config }: AppDeps): MiddlewareHandler<AppEnv> {
  const { maxOpenBodies, maxBodyBytes } = config;
  const bodies = createOpenBodies({
    maxPerCaller: maxOpenBodies,
    maxBytes: LARGE_BODIES * maxBodyBytes,
  });
  return async function countArrival(c, next) {
    if (c.req.method !== "POST") return next();
    const arrival = arrivals.enter();
    const body = bodies.open(callerOf(c));
    const leave = (): void => {
      arrivals.leave(arrival);
      body.close();
    };
    // In a Worker this event is the last that runs of a request whose client has left.
    c.req.raw.signal.addEventListener("abort", leave, { once: true });
    c.set("arrival", arrival);
    c.set("body", body);
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

/** Half of a surrogate pair without the other: not a character, so it has no tokens. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Counts the inputs of a parsed body before anything looks at them: `inputs` of one task (`input` in
 * OpenAI's shape), or those of all `items` together. A body that is not a request at all counts nothing and passes. Throws
 * LimitError `too-many-inputs`.
 */
export function countInputs(body: unknown, { maxInputs }: Pick<Limits, "maxInputs">): void {
  const refuse = (name: string, count: number, unit: string): void =>
    checkCount(name, count, unit, { maxInputs });
  for (const name of ["inputs", "input"]) {
    const own = fieldOf(body, name);
    if (Array.isArray(own)) refuse(name, own.length, "items");
  }
  const items = fieldOf(body, "items");
  if (!Array.isArray(items)) return;
  refuse("items", items.length, "items");
  const inputs = items.map((item) => fieldOf(item, "inputs"));
  const counts = inputs.map((input) => (Array.isArray(input) ? input.length : 1));
  const total = counts.reduce((sum, count) => sum + count, 0);
  refuse("items", total, "inputs in all items together");
}

/** Throws LimitError `too-many-inputs` where there are more than a request may have. */
export function checkCount(
  name: string,
  count: number,
  unit: string,
  { maxInputs }: Pick<Limits, "maxInputs">,
): void {
  if (count <= maxInputs) return;
  throw new LimitError(
    "too-many-inputs",
    `${name}: has ${count} ${unit}, allowed are ${maxInputs} in one request; send them in several`,
  );
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
