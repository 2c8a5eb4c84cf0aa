/**
 * The images that a Worker starts from, made by the installed onnxruntime-web: they are the same
 * whenever they are made, and a session that is restored answers as one that was created.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Base } from "../../../../src/encoder/base.ts";
import { RUNTIME_IMAGE, makeInThread, sessionImages } from "../../../../scripts/images/make.ts";
import { sha256Hex } from "../../../../scripts/node/hash.ts";
import { createWasmSession } from "../../../../src/engine/ort/wasm-sessions.ts";
import { seal, unseal } from "../../../../src/engine/ort/images/memory-image.ts";
import { readRuntimeImage, readSessionImage } from "../../../../src/engine/ort/images/start.ts";
import type { SessionImage } from "../../../../src/engine/ort/images/start.ts";
import { hiddenStates, randomPrefix, withSession } from "../../../support/encode.ts";
import type { TestRow } from "../../../support/encode.ts";
import { temporaryFolder, writePaperBase } from "../../../support/folders.ts";
import type { RestoreOrder, RestoredAnswers } from "../../../support/restored-session.ts";
import { writeTinyBase } from "../../../support/tiny-base.ts";

const root = temporaryFolder("images");
const folder = join(root.path, "base");
let base: Base;
let runtimeFile: Uint8Array;
let image: Uint8Array;

beforeAll(async () => {
  base = await writeTinyBase(folder, { dtype: "int8", seed: 1 });
  runtimeFile = new Uint8Array(await readFile(RUNTIME_IMAGE));
  image = (await (await sessionImages()).make(folder))!;
});
afterAll(() => root.remove());

describe("the runtime's image", () => {
  it("is what the installed onnxruntime-web makes; if not: npm run runtime-image", async () => {
    const made = await makeInThread(null);
    // Not toEqual, which would take minutes to say where megabytes differ.
    expect(Buffer.compare(made, runtimeFile), "runtime-image.bin is outdated").toBe(0);
  });
});

describe("a base's image", () => {
  it("is the same, byte for byte, whenever it is made", async () => {
    expect(Buffer.compare(await makeInThread(folder), image)).toBe(0);
  });

  it("names its base and its runtime, which is the one that the maker names", async () => {
    const { id } = readRuntimeImage(runtimeFile);
    expect(readSessionImage(image)).toMatchObject({
      base: sha256Hex(base.files.get("manifest.json")!),
      runtime: id,
    });
    expect((await sessionImages()).runtime).toBe(id);
  });

  it("is not made of a graph that the runtime refuses", async () => {
    const paper = join(root.path, "paper");
    await writePaperBase(paper);
    await expect((await sessionImages()).make(paper)).rejects.toMatchObject({
      code: "graph-invalid",
      message: expect.stringContaining(`base ${paper}: cannot be loaded (`) as string,
    });
  });
});

describe("a base that is loaded from its image", () => {
  const ids = [2, 100, 101, 102, 50, 3];
  const rowsOf = (): TestRow[] => [{ ids }, { ids: [2, 60, 3], prefix: randomPrefix(base, 4, 7) }];
  let expected: Float32Array[];

  beforeAll(async () => {
    expected = await withSession(createWasmSession, base, (session) =>
      hiddenStates(base, session, rowsOf()),
    );
  });

  it("answers bit for bit as one whose session was created, before and after another is", async () => {
    const answers = await restoredAnswers({ folder, image, rows: rowsOf() });
    expect(answers.loadedFrom).toBe("image");
    expect(answers.creations).toBe(0);
    expect(answers.loaded).toEqual(expected);
    expect(answers.created).toEqual(expected);
    expect(answers.again).toEqual(expected);
  });

  /** The image with another header, under a checksum of its own. */
  function withHeader(changes: Record<string, unknown>): Uint8Array {
    const { memory } = readSessionImage(image);
    const { header } = memory;
    const fields = Object.fromEntries(header.fields().map((name) => [name, header.raw(name)]));
    const table = new Uint8Array(memory.table.buffer);
    const json = Buffer.from(JSON.stringify({ ...fields, ...changes }));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(json.length);
    return seal(Uint8Array.from(Buffer.concat([length, json, table, memory.bytes])));
  }
  /** The image with every `step`th byte of its memory changed, under a checksum of its own. */
  function withBytes(step: number, change: (byte: number, i: number) => number): Uint8Array {
    const file = Uint8Array.from(unseal(image, "x"));
    const from = file.length - readSessionImage(image).memory.bytes.length;
    for (let i = from; i < file.length; i += step) file[i] = change(file[i]!, i);
    return seal(file);
  }

  const damages: [string, () => Uint8Array][] = [
    ["has a flipped bit", () => image.with(100_000, image[100_000]! ^ 1)],
    // Not any random bytes: of some, ONNX Runtime's loader reads a count by which it loops for hours, and
    // nothing in its thread can stop it. Such an image has a hash and a checksum of its own, so its maker
    // can write the bucket.
    ["has random bytes", () => withBytes(1, (_, i) => Math.imul(i, 2246822519) >>> 24)],
    ["has zeros alone", () => withBytes(1, () => 0)],
    ["has a changed byte in every thousand", () => withBytes(1000, (byte) => byte ^ 0x55)],
    ["claims 4 GiB of memory", () => withHeader({ memory_bytes: 2 ** 32 })],
    ["claims 1 GiB of memory", () => withHeader({ memory_bytes: 2 ** 30 })],
    ["names another session", () => withHeader({ create: { ...createOf(image), handle: 64 } })],
    ["says other states", () => withHeader({ states: 1 })],
  ];
  it.each(damages)(
    "is loaded from its graph when the image %s, and answers the same",
    async (_, damage) => {
      const answers = await restoredAnswers({ folder, image: damage(), rows: rowsOf() });
      expect(answers.loadedFrom).toBe("graph");
      expect(answers.creations).toBe(1);
      expect(answers.loaded).toEqual(expected);
      expect(answers.created).toEqual(expected);
      expect(answers.again).toEqual(expected);
      expect(answers.memoryBytes).toBeLessThan(64 * 2 ** 20);
    },
  );
});

const createOf = (file: Uint8Array): SessionImage["create"] => readSessionImage(file).create;

async function restoredAnswers(order: RestoreOrder): Promise<RestoredAnswers> {
  const file = new URL("../../../support/restored-session.ts", import.meta.url);
  const thread = new Worker(file, { workerData: order });
  try {
    // Rejects with the thread's own error, if there is one.
    const [answers] = (await once(thread, "message")) as [RestoredAnswers];
    return answers;
  } finally {
    await thread.terminate();
  }
}
