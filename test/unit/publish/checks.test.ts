/**
 * What a push checks before a pointer moves, answers included: a real base of two layers runs on
 * onnxruntime-web, and every damage is done to a task that had just passed.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { findBaseOf } from "../../../scripts/publish/find-base.ts";
import { createAnswerCheck } from "../../../scripts/publish/answer-check.ts";
import { openBase } from "../../../scripts/base/open-base.ts";
import { sha256, sha256Hex } from "../../../scripts/node/hash.ts";
import { MAX_RMS } from "../../../scripts/task/check-norms.ts";
import { publishBase } from "../../../scripts/publish/publish-base.ts";
import { publishTask } from "../../../scripts/publish/publish-task.ts";
import { answerExamples } from "../../../src/learn/measure/answers.ts";
import { blobKey } from "../../../src/core/format/keys.ts";
import type { TaskExample, TaskManifest } from "../../../src/core/format/manifest.ts";
import { writeSafetensors, readSafetensors } from "../../../src/core/format/safetensors.ts";
import { CLASSIFIER_WEIGHT, PROMPT_EMBEDDINGS } from "../../../src/core/model/shapes.ts";
import { openTask } from "../../../src/core/format/task.ts";
import type { Tensor } from "../../../src/core/model/tensor.ts";
import type { LoadedBase } from "../../../src/engine/engine.ts";
import { temporaryFolder, writeTaskFolder } from "../../support/folders.ts";
import { createMemoryBucket } from "../../support/memory-bucket.ts";
import type { MemoryBucket } from "../../support/memory-bucket.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";

const wait = (): Promise<void> => Promise.resolve();
const TEXTS = [{ text: "a great film" }, { text: "the plot was dull and the acting awful" }];

const root = temporaryFolder("checks");
const folder = join(root.path, "mood");
let base: LoadedBase;
let bucket: MemoryBucket;
let notes: string[];

beforeAll(async () => {
  base = await openBase(
    await writeTinyBase(join(root.path, "base"), { dtype: "int8", seed: 1 }),
    "web",
  );
});
afterAll(() => root.remove());

beforeEach(async () => {
  bucket = createMemoryBucket();
  await publishBase(bucket, join(root.path, "base"), { wait });
  writeTaskFolder(folder, base.manifest);
  await change({ examples: await recorded() });
  notes = [];
});

const read = (): TaskManifest =>
  JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as TaskManifest;

/** What training would have recorded for the folder as it is. */
async function recorded(): Promise<TaskExample[]> {
  const prefix = new Uint8Array(readFileSync(join(folder, "prefix.safetensors")));
  const task = await openTask(read(), "", prefix, base.manifest, sha256);
  return answerExamples(base, task, TEXTS);
}

async function change(changes: Partial<TaskManifest>): Promise<void> {
  writeFileSync(join(folder, "manifest.json"), JSON.stringify({ ...read(), ...changes }));
}

/** Rewrites the prefix file, and the manifest with it, so that all hashes are right. */
async function changeTensors(edit: (tensors: Map<string, Tensor>) => unknown): Promise<void> {
  const path = join(folder, "prefix.safetensors");
  const tensors = new Map(readSafetensors(new Uint8Array(readFileSync(path)), path).tensors);
  edit(tensors);
  const bytes = writeSafetensors(tensors);
  writeFileSync(path, bytes);
  await change({ prefix: { sha256: sha256Hex(bytes), bytes: bytes.byteLength } });
}

const scale = (tensors: Map<string, Tensor>, name: string, factor: number): void => {
  const { data } = tensors.get(name)!;
  const values = data as Float32Array;
  for (let i = 0; i < values.length; i++) values[i]! *= factor;
};

const note = (line: string): void => void notes.push(line);
const push = (): ReturnType<typeof publishTask> =>
  publishTask(bucket, folder, {
    wait,
    checkAnswers: createAnswerCheck(findBaseOf({ bucket, note }), note),
  });

describe("a push", () => {
  it("answers the recorded examples on the graph out of the bucket, and then moves the pointer", async () => {
    expect(await push()).toMatchObject({ examples: TEXTS.length, isChanged: true, uploaded: 2 });
    expect(notes).toEqual([expect.stringMatching(/^reading base tiny@.* from the bucket/)]);
  });

  it("says that nothing was compared when nothing was recorded", async () => {
    await change({ examples: [] });
    expect(await push()).toMatchObject({ examples: 0, isChanged: true });
    expect(notes.at(-1)).toMatch(/^warning: task "mood" has no recorded examples/);
  });

  it("reads back what it has uploaded, and stops when that is something else", async () => {
    const { sha256: hash } = read().prefix;
    bucket.before = (operation, key) => {
      // Each time that it was written and is read back, it is gone.
      if (operation === "get" && key === blobKey(hash)) bucket.objects.delete(key);
    };
    await expect(push()).rejects.toMatchObject({ code: "bucket-write-failed" });
    expect([...bucket.objects.keys()].filter((key) => key.startsWith("tasks/"))).toEqual([]);
  });
});

const flipped = ([first, ...rest]: TaskExample[], label: string): TaskExample[] => [
  { ...first!, label },
  ...rest,
];

const DAMAGES: readonly [string, string, RegExp, () => Promise<void>][] = [
  [
    "answers another label than recorded",
    "examples-mismatch",
    /1 of 2 .* "a great film" gives "(low|high)" 0\.\d{4}, recorded was "other"/,
    async () => change({ examples: flipped(await recorded(), "other") }),
  ],
  [
    "answers with another score than recorded",
    "examples-mismatch",
    /2 of 2 recorded examples/,
    async () =>
      change({
        examples: (await recorded()).map((item) => ({ ...item, score: item.score - 0.05 })),
      }),
  ],
  [
    "carries NaN",
    "prefix-not-finite",
    /classifier\.weight: element 0 is NaN/,
    () => changeTensors((tensors) => scale(tensors, CLASSIFIER_WEIGHT, Number.NaN)),
  ],
  [
    "has a prefix far larger than training gives",
    "prefix-norm-absurd",
    new RegExp(`the (key|value) of virtual token \\d in layer 0 has .* allowed is ${MAX_RMS}`),
    () => changeTensors((tensors) => scale(tensors, PROMPT_EMBEDDINGS, 1e4)),
  ],
  [
    "has a head far larger than training gives",
    "prefix-norm-absurd",
    /the head's row of label "low" has/,
    () => changeTensors((tensors) => scale(tensors, CLASSIFIER_WEIGHT, 1e4)),
  ],
  [
    "was trained for another base",
    "prefix-base-mismatch",
    /was trained for base tiny@0000/,
    () => change({ base: { name: "tiny", identity: "0".repeat(64) } }),
  ],
];

describe.each(DAMAGES)("a task that %s", (_, code, message, damage) => {
  it(`is refused with ${code}, and the bucket stays as it was`, async () => {
    await push();
    await damage();
    const before = new Map(bucket.objects);
    await expect(push()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(new Map(bucket.objects)).toEqual(before);
  });
});
