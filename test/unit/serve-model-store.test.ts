/** Loading a base from a bucket that has it, lacks it, or has it damaged. No graph is run here. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { publishBase } from "../../scripts/publish/publish-base.ts";
import { sha256 } from "../../scripts/publish/bucket.ts";
import { FormatError } from "../../src/core/errors.ts";
import { baseKey, blobKey } from "../../src/core/keys.ts";
import { readBaseManifest, shortIdentity } from "../../src/core/manifest.ts";
import type { BaseManifest } from "../../src/core/manifest.ts";
import type { GraphFiles, Session } from "../../src/runtime/session.ts";
import { createModelStore } from "../../src/serve/model-store.ts";
import { temporaryFolder } from "../support/folders.ts";
import { createMemoryBucket } from "../support/memory-bucket.ts";
import { bucketDown, createMemoryStore } from "../support/memory-store.ts";
import type { MemoryStore } from "../support/memory-store.ts";
import { writeTinyBase } from "../support/tiny-base.ts";

const folder = temporaryFolder("model-store");
const published = createMemoryBucket();
let manifest: BaseManifest;
let bucket: MemoryStore;
let created: GraphFiles[];

beforeAll(async () => {
  await writeTinyBase(folder.path, { dtype: "fp32", seed: 1, name: "tiny" });
  await publishBase(published, folder.path);
  manifest = readBaseManifest(readFileSync(join(folder.path, "manifest.json")));
});
afterAll(() => folder.remove());

beforeEach(() => {
  bucket = createMemoryStore();
  for (const [key, { bytes }] of published.objects) bucket.put(key, bytes);
  created = [];
});

const createSession = (files: GraphFiles): Promise<Session> => {
  created.push(files);
  return Promise.resolve({} as Session);
};

const openStore = (create = createSession) =>
  createModelStore({
    base: "tiny",
    bucket,
    clock: { now: () => 0, wait: () => new Promise((resolve) => setImmediate(resolve)) },
    sha256,
    createSession: create,
  });

const hold = (): void => undefined;

/** Changes one file of the base in the bucket. */
function damage(name: string, change: (bytes: Uint8Array) => Uint8Array): () => void {
  const key = blobKey(manifest.files[name]!.sha256);
  const { bytes } = published.objects.get(key)!;
  bucket.put(key, change(Uint8Array.from(bytes)));
  return () => bucket.put(key, bytes);
}

describe("a base in the bucket", () => {
  it("is loaded once for all who ask, with the bytes that its manifest names", async () => {
    const store = openStore();
    expect(store.status.state).toBe("empty");
    expect(store.ready).toBeNull();
    const loads = [store.get(hold), store.get(hold)];
    expect(store.status.state).toBe("loading");
    const [base] = await Promise.all(loads);
    expect(created).toHaveLength(1);
    expect([...created[0]!.weights.keys()]).toEqual(manifest.weights);
    expect(base!.pooler?.bias).toHaveLength(manifest.hidden_size);
    expect(base!.tokenizer.vocabSize).toBe(manifest.vocab_size);
    expect(store.ready).toBe(base);
    expect(store.status).toEqual({ state: "ready", detail: shortIdentity(manifest) });
  });

  it("is waited for when it comes later", async () => {
    const pointer = await bucket.get(baseKey("tiny"), 10_000);
    if (pointer === null || pointer === "unchanged") throw new Error("no pointer");
    bucket.remove(baseKey("tiny"));
    const store = openStore();
    await expect(store.get(hold)).rejects.toMatchObject({ code: "base-not-found" });
    expect(store.status.state).toBe("failed");
    expect(store.status.detail).toContain("bases/tiny.json");
    bucket.put(baseKey("tiny"), pointer.bytes);
    await store.get(hold);
    expect(store.status.state).toBe("ready");
  });

  it.each(["weights-0.safetensors", "model.onnx", "tokenizer.json", "pooler.safetensors"])(
    "never reaches the runtime with a damaged %s, and loads once that is repaired",
    async (name) => {
      const repair = damage(name, (bytes) => bytes.with(bytes.length - 3, bytes.at(-3)! ^ 1));
      const store = openStore();
      await expect(store.get(hold)).rejects.toMatchObject({ code: "file-hash-mismatch" });
      expect(created).toEqual([]);
      repair();
      await store.get(hold);
      expect(created).toHaveLength(1);
    },
  );

  it("is not loaded under another name", async () => {
    const pointer = await bucket.get(baseKey("tiny"), 10_000);
    if (pointer === null || pointer === "unchanged") throw new Error("no pointer");
    bucket.put(baseKey("other"), pointer.bytes);
    const store = createModelStore({
      base: "other",
      bucket,
      clock: { now: () => 0, wait: () => new Promise((resolve) => setImmediate(resolve)) },
      sha256,
      createSession,
    });
    await expect(store.get(hold)).rejects.toMatchObject({ code: "base-manifest-invalid" });
  });

  it("says that the bucket cannot be read, and loads when it can", async () => {
    bucket.before = bucketDown;
    const store = openStore();
    await expect(store.get(hold)).rejects.toMatchObject({ code: "bucket-unavailable" });
    bucket.before = () => undefined;
    expect(await store.get(hold)).toBe(store.ready);
  });

  it("is downloaded once when the runtime refuses its graph, since it would refuse it again", async () => {
    let attempts = 0;
    const store = openStore(() => {
      attempts++;
      return Promise.reject(new FormatError("graph-invalid", "graph: is bad"));
    });
    await expect(store.get(hold)).rejects.toMatchObject({ code: "graph-invalid" });
    bucket.reads.length = 0;
    await expect(store.get(hold)).rejects.toMatchObject({ code: "graph-invalid" });
    expect(attempts).toBe(1);
    expect(bucket.reads).toEqual([baseKey("tiny")]);
  });
});
