/**
 * `tokenize`: texts on stdin -> ids and offsets on stdout, one JSON line each, as Python tokenizers
 * returns them. Lines are read, answered and forgotten one by one, so the amount of text has no limit.
 */
import { join } from "node:path";
import { InputError } from "../../src/core/errors.ts";
import { describe } from "../../src/core/record.ts";
import { decodeUtf8 } from "../../src/core/text.ts";
import {
  codePointOffsets,
  createTokenizer,
  type Encoding,
} from "../../src/core/tokenizer/tokenizer.ts";
import { baseFolder } from "../base/names.ts";
import { UsageError, defineCommand } from "../cli/command.ts";
import { plainText, readBytes } from "../node/text-files.ts";

/** A longer line is no line of text but a wrong file; bounds the memory that stdin can take. */
const MAX_LINE_BYTES = 64 * 2 ** 20;

const NEWLINE = 0x0a;

export const command = defineCommand({
  summary: "turn lines of text into token ids with offsets",
  usage: "--base DIR | --tokenizer FILE",
  example: `echo '"Hello world"' | npx edge-prefix tokenize --base models/minilm`,
  options: {
    base: { type: "string", value: "DIR", hint: "base folder that holds tokenizer.json" },
    tokenizer: { type: "string", value: "FILE", hint: "a tokenizer.json" },
  },
  async run({ values, positionals, io }) {
    if (positionals.length > 0) {
      throw new UsageError(`tokenize: reads stdin, found argument ${describe(positionals[0])}`);
    }
    if ((values.base === undefined) === (values.tokenizer === undefined)) {
      throw new UsageError("tokenize: expected either --base DIR or --tokenizer FILE");
    }
    const path = values.tokenizer ?? join(baseFolder(values.base) ?? "", "tokenizer.json");
    const tokenizer = createTokenizer(await readBytes(path, "tokenizer"));

    // An open stdin would keep the process waiting after an interrupt.
    io.signal.addEventListener("abort", () => destroy(io.stdin), { once: true });
    const stdin = plainText(io.stdin, { subject: "stdin", kind: "input" });
    for await (const { number, bytes } of linesOf(stdin)) {
      const input = readInput(bytes, number);
      if (input === undefined) continue;
      const encoding = tokenizer.encode(input.text, input.pair);
      io.out(JSON.stringify(toPython(encoding, input.text, input.pair)));
    }
    return 0;
  },
});

/** An encoding as Python tokenizers names and counts things: offsets in code points, null for -1. */
export function toPython(encoding: Encoding, text: string, pair?: string) {
  const offsetsOf = [codePointOffsets(text), codePointOffsets(pair ?? "")] as const;
  const nullable = (ids: Int32Array) => Array.from(ids, (id) => (id < 0 ? null : id));
  return {
    ids: Array.from(encoding.ids),
    offsets: Array.from(encoding.starts, (start, i): [number, number] => {
      const toCodePoints = offsetsOf[encoding.sequenceIds[i] === 1 ? 1 : 0];
      return [toCodePoints(start), toCodePoints(encoding.ends[i]!)];
    }),
    type_ids: Array.from(encoding.typeIds),
    word_ids: nullable(encoding.wordIds),
    sequence_ids: nullable(encoding.sequenceIds),
  };
}

/** One line: a JSON string or {"text", "pair"?}; undefined for a blank line. */
function readInput(
  bytes: Uint8Array,
  line: number,
): { text: string; pair: string | undefined } | undefined {
  const fail = (what: string, cause?: unknown): never => {
    throw new InputError("line-invalid", `stdin line ${line}: ${what}`, { cause });
  };
  const readText = (value: unknown, subject: string): string => {
    if (typeof value !== "string") {
      return fail(`${subject} is ${describe(value)}, expected a string`);
    }
    if (/\p{Surrogate}/u.test(value)) return fail(`${subject} has half of a surrogate pair`);
    return value;
  };

  let value: unknown;
  try {
    const text = decodeUtf8(bytes);
    if (text.trim() === "") return undefined;
    value = JSON.parse(text);
  } catch (cause) {
    return fail(`is not valid UTF-8 JSON: ${cause instanceof Error ? cause.message : ""}`, cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return {
      text: readText(value, 'expected a JSON string or {"text", "pair"?}: it'),
      pair: undefined,
    };
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  const unknown = [...fields.keys()].find((field) => field !== "text" && field !== "pair");
  if (unknown !== undefined) {
    return fail(`unknown field ${describe(unknown)}, allowed are "text", "pair"`);
  }
  const pair = fields.get("pair") ?? undefined;
  return {
    text: readText(fields.get("text"), '"text"'),
    pair: pair === undefined ? undefined : readText(pair, '"pair"'),
  };
}

/** Splits a byte stream at newlines; the last line needs none. Lines count from 1. */
async function* linesOf(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ number: number; bytes: Uint8Array }> {
  let number = 1;
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  const finish = (last: Uint8Array) => {
    const bytes = rest.length === 0 ? last : Buffer.concat([...rest, last]);
    rest = [];
    restBytes = 0;
    return { number: number++, bytes };
  };
  for await (const chunk of stream) {
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, from);
      if (end < 0) break;
      yield finish(chunk.subarray(from, end));
      from = end + 1;
    }
    rest.push(chunk.subarray(from));
    restBytes += chunk.length - from;
    if (restBytes > MAX_LINE_BYTES) {
      throw new InputError(
        "line-too-long",
        `stdin line ${number}: has more than ${MAX_LINE_BYTES} bytes; one text per line is expected`,
      );
    }
  }
  if (restBytes > 0) yield finish(new Uint8Array(0));
}

function destroy(stream: AsyncIterable<Uint8Array>): void {
  if ("destroy" in stream && typeof stream.destroy === "function") stream.destroy();
}
