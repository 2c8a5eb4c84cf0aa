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
import { RUNTIME_IMAGE, makeInThread } from "../../../../scripts/images/make-in-thread.ts";
import { sessionImages } from "../../../../scripts/images/session-image.ts";
import { sha256Hex } from "../../../../scripts/node/hash.ts";
import { createWebSession } from "../../../../scripts/node/runtime-web.ts";
import { readRuntimeImage, readSessionImage } from "../../../../src/engine/ort/images/start.ts";
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
    expect(Buffer.compare(made, runtimeFile), "src/runtime/runtime-image.bin is outdated").toBe(0);
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

describe("a restored session", () => {
  const ids = [2, 100, 101, 102, 50, 3];
  const rowsOf = (): TestRow[] => [{ ids }, { ids: [2, 60, 3], prefix: randomPrefix(base, 4, 7) }];

  it("answers bit for bit as one that was created, before and after another is created", async () => {
    const rows = rowsOf();
    const expected = await withSession(createWebSession, base, (session) =>
      hiddenStates(base, session, rows),
    );
    const answers = await restoredAnswers({ folder, image, rows });
    expect(answers.restored).toEqual(expected);
    expect(answers.created).toEqual(expected);
    expect(answers.again).toEqual(expected);
    expect(answers.creations).toBe(1);
  });
});

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
