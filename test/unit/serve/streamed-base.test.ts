/** A base whose weights stream from the bucket into an engine's memory: sound, damaged, or not for it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startSha256, sha256 } from "../../../scripts/node/hash.ts";
import { nodeKernels } from "../../../scripts/node/runtime-simd.ts";
import { publishBase } from "../../../scripts/publish/publish-base.ts";
import { baseKey, blobKey } from "../../../src/core/format/keys.ts";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import { emptyPrefix } from "../../../src/core/model/prefix.ts";
import { simdEngine } from "../../../src/engine/simd/engine.ts";
import { createModelStore } from "../../../src/serve/model-store.ts";
import type { ModelStore } from "../../../src/serve/model-store.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { createMemoryBucket } from "../../support/memory-bucket.ts";
import { createMemoryStore } from "../../support/memory-store.ts";
import type { MemoryStore } from "../../support/memory-store.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";

const folder = temporaryFolder("streamed-base");
const published = createMemoryBucket();
let manifest: BaseManifest;
let weightsKey: string;
let bucket: MemoryStore;

beforeAll(async () => {
  ({ manifest } = await writeTinyBase(folder.path, { dtype: "int8", seed: 1, name: "tiny" }));
  await publishBase(published, folder.path);
  weightsKey = blobKey(manifest.files[manifest.weights[0]!]!.sha256);
});
afterAll(() => folder.remove());

beforeEach(() => {
  bucket = createMemoryStore();
  for (const [key, { bytes }] of published.objects) bucket.put(key, bytes);
});

const hold = (): void => undefined;

const openStore = (maxBytes = 2 ** 32): ModelStore =>
  createModelStore({
    base: "tiny",
    bucket,
    clock: { now: () => 0, wait: () => new Promise((resolve) => setImmediate(resolve)) },
    sha256,
    startSha256,
    engine: simdEngine({ kernels: nodeKernels, maxBytes }),
  });

const weights = (): Uint8Array => published.objects.get(weightsKey)!.bytes;

describe("a base that streams into an engine", () => {
  it("answers, and its graph is never read", async () => {
    const store = openStore();
    const { encoder } = await store.get(hold);
    expect(store.ready?.encoder.loadedFrom).toBe("weights");
    const row = { ids: Int32Array.of(2, 3), typeIds: new Int32Array(2), positionOffset: 0 };
    const prefix = emptyPrefix(manifest.configuration);
    expect((await encoder.encode([{ ...row, prefix }], "all")).dims).toEqual([1, 2, 32]);
    expect(bucket.reads).not.toContain(blobKey(manifest.files["model.onnx"]!.sha256));
  });

  it.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ["damaged in its header", (bytes) => bytes.with(20, bytes[20]! ^ 1)],
    ["damaged in its last tensor", (bytes) => bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1)],
    ["cut off", (bytes) => bytes.subarray(0, bytes.length - 1)],
    ["cut off in its header", (bytes) => bytes.subarray(0, 100)],
    ["empty", () => new Uint8Array(0)],
    ["too long", (bytes) => Uint8Array.of(...bytes, 0)],
  ])(
    "never becomes an encoder while its file is %s, and loads when that is repaired",
    async (_, damage) => {
      bucket.put(weightsKey, damage(weights()));
      const store = openStore();
      await expect(store.get(hold)).rejects.toMatchObject({ code: "file-hash-mismatch" });
      expect(store.ready).toBeNull();
      bucket.put(weightsKey, weights());
      expect((await store.get(hold)).encoder.memoryBytes()).toBeGreaterThan(0);
    },
  );

  it("is not loaded while its file is missing", async () => {
    bucket.remove(weightsKey);
    const store = openStore();
    await expect(store.get(hold)).rejects.toMatchObject({ code: "base-not-found" });
    bucket.put(weightsKey, weights());
    await store.get(hold);
    expect(store.status.state).toBe("ready");
  });

  it("is refused before its weights are read where it does not fit, and not tried again", async () => {
    const store = openStore(200_000);
    await expect(store.get(hold)).rejects.toMatchObject({ code: "base-too-large" });
    expect(store.status.detail).toContain("allowed are");
    expect(bucket.reads).not.toContain(weightsKey);
    bucket.reads.length = 0;
    await expect(store.get(hold)).rejects.toMatchObject({ code: "base-too-large" });
    expect(bucket.reads).toEqual([baseKey("tiny")]);
  });
});
