/**
 * Every place where bytes or values of strangers come in, with inputs that are nearly right and what
 * must hold for each. test/unit/fuzz.test.ts runs them; `npm run fuzz` runs many more.
 */
import fc from "./properties.ts";
import { expect } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { readBaseManifest, readTaskManifest } from "../../src/core/format/manifest.ts";
import { readBasePointer, readTaskPointer } from "../../src/core/format/pointer.ts";
import { readSafetensors, writeSafetensors } from "../../src/core/format/safetensors.ts";
import { seal, unseal } from "../../src/engine/ort/images/memory-image.ts";
import type { MemoryImage } from "../../src/engine/ort/images/memory-image.ts";
import { readRuntimeImage, readSessionImage } from "../../src/engine/ort/images/start.ts";
import { FORMATS, writeStream } from "../../src/http/answers/respond.ts";
import type { StreamItem } from "../../src/http/answers/respond.ts";
import { problemOf } from "../../src/http/answers/problem.ts";
import { checkData, dataFile } from "./data-files.ts";
import { fakeApp } from "./fake-app.ts";
import { SIGNED, readSigned } from "./fuzz-signatures.ts";
import { checkWeights, weightsInput } from "./fuzz-weights.ts";
import { damaged, damagedBytes, hostileValue, throughJson } from "./hostile.ts";
import {
  baseJson,
  basePointerJson,
  sha256,
  taskJson,
  taskPointerJson,
  toBytes,
} from "./manifests.ts";
import {
  imageFileOf,
  runtimeHeader,
  runtimeImageFile,
  sessionHeader,
  sessionImageFile,
} from "./memory-images.ts";
import { fileOf, makeTensor } from "./safetensors-files.ts";
import { readEvents } from "./server-sent-events.ts";
import { tinyTokenizerJson } from "./tiny-base.ts";
import { tokenizerOf } from "./tokenizer-file.ts";

/** A parser or writer under fuzz. */
export interface Target<T> {
  readonly name: string;
  /** Of all inputs, how many of a hundred. */
  readonly percent: number;
  readonly inputs: fc.Arbitrary<T>;
  /** Says in a word what became of an input; throws when something does not hold. */
  readonly check: (input: T) => string | Promise<string>;
  /** What must become of some input: a fuzz that always fails the same way proves little. */
  readonly expected: readonly string[];
}

const target = <T>(value: Target<T>): Target<unknown> => value as unknown as Target<unknown>;

/** "read", or "refused" for a FormatError; any other error fails the run. */
function reading(read: () => unknown): string {
  try {
    read();
    return "read";
  } catch (error) {
    return refused(error);
  }
}

/** The same for a reader that hashes. */
const readingLater = (read: () => Promise<unknown>): Promise<string> =>
  read().then(() => "read", refused);

function refused(error: unknown): string {
  if (error instanceof FormatError) return "refused";
  throw error;
}

const jsonFile = (good: unknown): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    damaged(good).map(toBytes),
    damagedBytes(toBytes(good)),
    fc.uint8Array({ maxLength: 50 }),
  );

const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("", "a", "\ud800", " "));
const item = fc.oneof(
  text,
  fc.record({ text, text_pair: fc.option(text) }, { requiredKeys: [] }),
  fc.array(text, { maxLength: 3 }),
  fc.jsonValue(),
);
const PARAMETERS = [
  "top_k",
  "function_to_apply",
  "aggregation_strategy",
  "ignore_labels",
  "stride",
  "max_length",
  "truncation",
  "offset_unit",
  "version",
  "__proto__",
];
const parameters = fc.record(
  Object.fromEntries(
    PARAMETERS.map((name) => [
      name,
      fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom(1, "none", "utf16", true)),
    ]),
  ),
  { requiredKeys: [] },
);
const inputs = fc.oneof(item, fc.array(item, { maxLength: 4 }));
const parametersOrAny = fc.oneof(parameters, fc.jsonValue());
const bodies = {
  "/v1/tasks/sentiment/predict": fc.record(
    { inputs, parameters: parametersOrAny, options: fc.jsonValue() },
    { requiredKeys: ["inputs"] },
  ),
  "/v1/predict": fc.record({
    items: fc.oneof(
      fc.array(
        fc.record(
          {
            task: fc.oneof(text, fc.constantFrom("sentiment", "entities", "corrupt", "unknown")),
            inputs,
            parameters: parametersOrAny,
          },
          { requiredKeys: ["task", "inputs"] },
        ),
        { maxLength: 4 },
      ),
      fc.jsonValue(),
    ),
  }),
  "/v1/embed": fc.record(
    { inputs, normalize: fc.jsonValue({ maxDepth: 1 }), pooling: fc.constantFrom("mean", "", 1) },
    { requiredKeys: ["inputs"] },
  ),
};
const GOOD_BODY = '{"inputs": ["a", {"text": "b"}], "parameters": {"top_k": 1}}';
const request = fc.oneof(
  ...Object.entries(bodies).map(([path, body]) =>
    fc.tuple(fc.constant(path), body.map(toBytes), fc.constantFrom("*/*", "a/b", ...FORMATS)),
  ),
  fc.tuple(
    fc.constant("/v1/tasks/sentiment/predict"),
    fc.oneof(damagedBytes(toBytes(GOOD_BODY)), fc.uint8Array({ maxLength: 64 })),
    fc.constantFrom(...FORMATS),
  ),
);

async function checkRequest([path, body, accept]: [string, Uint8Array, string]): Promise<string> {
  app ??= fakeApp();
  app.logged.length = 0;
  app.seen.length = 0;
  const response = await app.request(path, {
    method: "POST",
    headers: { "content-type": "application/json", accept },
    body: Uint8Array.from(body),
  });
  const answer = await response.text();
  if (response.status >= 500) expect.fail(`${response.status}: ${answer}`);
  if (response.status !== 200) {
    expect(JSON.parse(answer)).toMatchObject({ status: response.status });
  } else if (accept === "application/x-ndjson") {
    expect(JSON.parse(answer.trimEnd().split("\n").at(-1)!)).toMatchObject({ done: true });
  } else if (accept === "text/event-stream") {
    expect(readEvents(answer).at(-1)?.event).toBe("done");
  }
  return String(response.status);
}
let app: ReturnType<typeof fakeApp> | undefined;

const GOOD_TENSORS = writeSafetensors(
  new Map([
    ["prompt_embeddings", makeTensor("float16", [2, 8])],
    ["classifier.weight", makeTensor("float32", [2, 4])],
    ["classifier.bias", makeTensor("float64", [2])],
  ]),
  { format: "pt" },
);
const lyingHeader = fc.dictionary(
  fc.oneof(fc.string(), fc.constant("__metadata__")),
  fc.oneof(
    fc.record(
      {
        dtype: fc.oneof(fc.constantFrom("F64", "F32", "F16", "I8", "U8", "BOOL"), hostileValue),
        shape: fc.oneof(fc.array(fc.nat({ max: 40 }), { maxLength: 4 }), hostileValue),
        data_offsets: fc.oneof(fc.array(fc.nat({ max: 80 }), { maxLength: 3 }), hostileValue),
      },
      { requiredKeys: [] },
    ),
    hostileValue,
  ),
  { maxKeys: 4 },
);

const run = fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 2 ** 32 - 1 }));
/** Images with one thing wrong in the header, in some bytes, or in what the header says of them. */
const imageFile = (file: Uint8Array, header: Record<string, unknown>): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    damagedBytes(file),
    damaged({ ...header, memory_bytes: 40, runs: 1 }).map((json) =>
      imageFileOf(json, [4, 2], [1, 1]),
    ),
    fc
      .tuple(fc.nat({ max: 2 ** 32 }), fc.nat({ max: 4 }), fc.array(run, { maxLength: 8 }))
      .chain(([memory_bytes, runs, table]) =>
        fc
          .uint8Array({ maxLength: 80 })
          .map((bytes) => imageFileOf({ ...header, memory_bytes, runs }, table, bytes)),
      ),
    fc.uint8Array({ maxLength: 50 }),
  );

/** What is read can be copied: every run has its bytes, and lies in the memory. */
function checkImage(read: () => { readonly memory: MemoryImage }): string {
  return reading(() => {
    const { table, bytes, memoryBytes } = read().memory;
    let total = 0;
    for (let i = 0; i < table.length; i += 2) {
      total += table[i + 1]!;
      if (table[i]! + table[i + 1]! > memoryBytes) expect.fail(`run ${i / 2}: ends outside`);
    }
    expect(total).toBe(bytes.length);
  });
}

const GOOD_TOKENIZER = tinyTokenizerJson();
const tokenizerJson = fc.oneof(
  // As a file would hold it: an item that is removed leaves no hole.
  { weight: 9, arbitrary: damaged(GOOD_TOKENIZER).map(throughJson) },
  fc.jsonValue(),
);

/** A file that is read must also work, on texts with everything in them. */
function checkTokenizer(json: unknown): string {
  return reading(() => {
    const tokenizer = tokenizerOf(json);
    const { ids, starts, ends } = tokenizer.tokenize(
      "the film [SEP] Caf\u00e9, \ud83d\ude00 \ud800",
    );
    for (let i = 0; i < ids.length; i++) {
      if (!(starts[i]! < ends[i]! && ids[i]! < tokenizer.vocabSize)) {
        expect.fail(`piece ${i}: id ${ids[i]}, ${starts[i]} to ${ends[i]}`);
      }
    }
  });
}

interface Written {
  readonly items: readonly unknown[];
  readonly fails: boolean;
}

/** What goes in comes out, in order, whatever characters it is made of. */
async function checkEvents({ items, fails }: Written): Promise<string> {
  async function* source(): AsyncGenerator<StreamItem> {
    for (const [index, result] of items.entries()) yield { index, result };
    if (fails) throw new FormatError("any", "line one\nevent: done\n\ndata: {}");
  }
  const toProblem = (error: unknown) => problemOf(error, "/x", "id");
  let written = "";
  for await (const chunk of writeStream(source(), "text/event-stream", toProblem)) written += chunk;
  const events = readEvents(written);
  const results = events.filter(({ event }) => event === "result");
  expect(results.map(({ data }) => JSON.parse(data) as unknown)).toEqual(
    // As JSON has it: -0 is 0, and a lone surrogate is escaped.
    items.map((result, index) => throughJson({ index, result })),
  );
  expect(results.map(({ id }) => id)).toEqual(items.map((_, index) => String(index)));
  expect(events).toHaveLength(items.length + (fails ? 2 : 1));
  expect(events.at(-1)).toMatchObject({ event: "done" });
  expect(JSON.parse(events.at(-1)!.data)).toMatchObject({ done: !fails, count: items.length });
  return fails ? "failed" : "done";
}

export const TARGETS: readonly Target<unknown>[] = [
  target({
    name: "requests",
    percent: 15,
    inputs: request,
    check: checkRequest,
    expected: ["200", "400", "406", "422"],
  }),
  target({
    name: "safetensors",
    percent: 20,
    inputs: fc.oneof(
      damagedBytes(GOOD_TENSORS),
      fc.tuple(lyingHeader, fc.nat({ max: 80 })).map(([header, data]) => fileOf(header, data)),
      fc.uint8Array({ maxLength: 100 }),
    ),
    check: (bytes) => reading(() => readSafetensors(bytes)),
    expected: ["read", "refused"],
  }),
  target({
    name: "weights of a base",
    percent: 5,
    inputs: weightsInput,
    check: checkWeights,
    expected: ["read", "refused"],
  }),
  target({
    name: "manifests of tasks",
    percent: 8,
    inputs: jsonFile(taskJson()),
    check: (bytes) => reading(() => readTaskManifest(bytes)),
    expected: ["read", "refused"],
  }),
  target({
    name: "manifests of bases",
    percent: 8,
    inputs: jsonFile(baseJson()),
    check: (bytes) => readingLater(() => readBaseManifest(bytes, sha256)),
    expected: ["read", "refused"],
  }),
  target({
    name: "pointers of tasks",
    percent: 10,
    inputs: jsonFile(taskPointerJson({ canary: { version: "e".repeat(12), percent: 5 } })),
    check: (bytes) => reading(() => readTaskPointer(bytes, "x")),
    expected: ["read", "refused"],
  }),
  target({
    name: "pointers of bases",
    percent: 5,
    inputs: jsonFile(basePointerJson()),
    check: (bytes) => reading(() => readBasePointer(bytes, "x")),
    expected: ["read", "refused"],
  }),
  target({
    name: "signatures and signed statements",
    percent: 4,
    inputs: fc.oneof(...SIGNED.map(jsonFile)),
    check: (bytes) => reading(() => readSigned(bytes)),
    expected: ["read", "refused"],
  }),
  target({
    name: "images of a runtime",
    percent: 2,
    inputs: imageFile(runtimeImageFile(), runtimeHeader()),
    check: (bytes) => checkImage(() => readRuntimeImage(bytes)),
    expected: ["read", "refused"],
  }),
  target({
    name: "images of a session",
    percent: 3,
    // Without the seal, whose one check would refuse all of them.
    inputs: imageFile(unseal(sessionImageFile(), "x"), sessionHeader()),
    check: (bytes) => checkImage(() => readSessionImage(seal(bytes))),
    expected: ["read", "refused"],
  }),
  target({
    name: "tokenizer.json",
    percent: 10,
    inputs: tokenizerJson,
    check: checkTokenizer,
    expected: ["read", "refused"],
  }),
  target({
    name: "data files",
    percent: 5,
    inputs: dataFile,
    check: checkData,
    expected: ["read", "refused"],
  }),
  target({
    name: "server-sent events",
    percent: 5,
    inputs: fc.record({
      items: fc.array(fc.oneof(fc.jsonValue(), fc.string({ unit: "binary" })), { maxLength: 4 }),
      fails: fc.boolean(),
    }),
    check: checkEvents,
    expected: ["done", "failed"],
  }),
];

/** Longer than any input here takes on a machine that is busy with others; a hang takes for ever. */
const MAX_MS = 10_000;

/**
 * Runs `count` inputs of a target; returns what became of them. A failure names the seed and the
 * path that repeat it, and the smallest input that fails.
 */
export async function fuzz(
  { inputs, check }: Target<unknown>,
  count: number,
  seed: number,
): Promise<ReadonlyMap<string, number>> {
  const verdicts = new Map<string, number>();
  const property = fc.asyncProperty(inputs, async (input) => {
    const start = performance.now();
    const verdict = await check(input);
    const ms = performance.now() - start;
    if (ms > MAX_MS) expect.fail(`an input took ${Math.round(ms)} ms`);
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  });
  await fc.assert(property, { seed, numRuns: count });
  return verdicts;
}
