/** Loading a base from a bucket that has it, lacks it, or has it damaged. No graph is run here. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { publishBase } from "../../../scripts/publish/publish-base.ts";
import { sha256, sha256Hex, startSha256 } from "../../../scripts/node/hash.ts";
import { FormatError, UnavailableError } from "../../../src/core/errors.ts";
import { baseKey, blobKey } from "../../../src/core/format/keys.ts";
import {
  readBaseManifest,
  servedIdentity,
  shortIdentity,
} from "../../../src/core/format/manifest.ts";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import { graphEngine, imageEngine } from "../../../src/engine/ort/encoder.ts";
import type { SessionImages } from "../../../src/engine/ort/encoder.ts";
import { checksumOf } from "../../../src/engine/ort/images/memory-image.ts";
import type { GraphFiles, Session } from "../../../src/engine/session.ts";
import { LAST_HIDDEN_STATE } from "../../../src/core/model/shapes.ts";
import { float32 } from "../../../src/core/model/tensor.ts";
import { createModelStore } from "../../../src/serve/model-store.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { createMemoryBucket } from "../../support/memory-bucket.ts";
import { bucketDown, createMemoryStore } from "../../support/memory-store.ts";
import type { MemoryStore } from "../../support/memory-store.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";

const folder = temporaryFolder("model-store");
const published = createMemoryBucket();
let manifest: BaseManifest;
let manifestBytes: Uint8Array;
let bucket: MemoryStore;
let created: GraphFiles[];

beforeAll(async () => {
  await writeTinyBase(folder.path, { dtype: "fp32", seed: 1, name: "tiny" });
  await publishBase(published, folder.path);
  manifestBytes = readFileSync(join(folder.path, "manifest.json"));
  manifest = await readBaseManifest(manifestBytes, sha256);
});
afterAll(() => folder.remove());

beforeEach(() => {
  bucket = createMemoryStore();
  for (const [key, { bytes }] of published.objects) bucket.put(key, bytes);
  created = [];
});

const createSession = (files: GraphFiles): Promise<Session> => {
  created.push(files);
  return Promise.resolve({ inputs: [] as readonly string[] } as Session);
};

const openStore = (create = createSession, images?: SessionImages) =>
  createModelStore({
    base: "tiny",
    bucket,
    clock: { now: () => 0, wait: () => new Promise((resolve) => setImmediate(resolve)) },
    sha256,
    startSha256,
    engine: images ? imageEngine(create, images) : graphEngine(create),
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
    expect(base!.pooler?.bias).toHaveLength(manifest.configuration.hidden_size);
    expect(base!.tokenizer.vocabSize).toBe(manifest.configuration.vocab_size);
    expect(store.ready).toBe(base);
    expect(store.ready?.encoder.loadedFrom).toBe("graph");
    expect(store.status).toEqual({ state: "ready", detail: shortIdentity(manifest) });
  });

  it("says which of its files are still to come", async () => {
    const seen: [string, string][] = [];
    const store = openStore();
    bucket.before = (key) => void seen.push([key, store.status.detail]);
    await store.get(hold);
    const names = [
      manifest.builds["ort/fp32"]!,
      ...manifest.weights,
      manifest.tokenizer,
      manifest.pooler!,
    ];
    const last = blobKey(manifest.files[names.at(-1)!]!.sha256);
    const [, detail] = seen.find(([key]) => key === last)!;
    expect(detail).toMatch(/^reading /);
    for (const name of names) expect(detail).toContain(name);
  });

  it("goes on saying why it failed while other files still arrive", async () => {
    damage(manifest.tokenizer, () => Uint8Array.of(1));
    const keyOf = (name: string): string => blobKey(manifest.files[name]!.sha256);
    const [arrival, never] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const late = new Map([
      [keyOf(manifest.builds["ort/fp32"]!), arrival.promise],
      [keyOf(manifest.weights[0]!), never.promise],
    ]);
    bucket.before = (key) => late.get(key);
    const store = openStore();
    await expect(store.get(hold)).rejects.toMatchObject({ code: "file-hash-mismatch" });
    const { detail } = store.status;
    expect(detail).toContain(manifest.tokenizer);
    arrival.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(store.status).toEqual({ state: "failed", detail });
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
      startSha256,
      engine: graphEngine(createSession),
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

describe("a base with a session image in the bucket", () => {
  const RUNTIME = "0123456789abcdef";
  const image = Uint8Array.from({ length: 100 }, (_, i) => i);
  const imageKey = blobKey(sha256Hex(image));
  const imaged = createMemoryBucket();
  /** Its states are all 0.5, of which the image says so. */
  const restoredSession = {
    inputs: [],
    heapBytes: () => 77,
    run: () =>
      Promise.resolve({ [LAST_HIDDEN_STATE]: float32([1, 4, 1], new Float32Array(4).fill(0.5)) }),
  } as unknown as Session;
  const STATES = checksumOf(new Uint8Array(new Float32Array(4).fill(0.5).buffer));
  /** What was given to be restored. */
  let restored: [Uint8Array, string][];
  /** How each of them ended. */
  let kept: boolean[];

  beforeAll(async () => {
    const images = { runtime: RUNTIME, make: () => Promise.resolve(image) };
    await publishBase(imaged, folder.path, { images });
  });
  beforeEach(() => {
    for (const [key, { bytes }] of imaged.objects) bucket.put(key, bytes);
    restored = [];
    kept = [];
  });

  /** A host whose runtime image is `runtime`. */
  const host = (
    runtime = RUNTIME,
    { states = STATES, failure }: { states?: number; failure?: Error } = {},
  ): SessionImages => ({
    fits: (wanted) => wanted === runtime,
    restore(bytes, base) {
      restored.push([bytes, base]);
      if (failure) return Promise.reject(failure);
      return Promise.resolve({ session: restoredSession, states });
    },
    endRestore: (isKept) => void kept.push(isKept),
  });

  const graphKeys = (): string[] =>
    [manifest.builds["ort/fp32"]!, ...manifest.weights].map((name) =>
      blobKey(manifest.files[name]!.sha256),
    );
  const graphReads = (): string[] => bucket.reads.filter((key) => graphKeys().includes(key));

  it("has its session restored, and neither graph nor weights are read", async () => {
    const store = openStore(createSession, host());
    const base = await store.get(hold);
    expect(store.ready?.encoder.loadedFrom).toBe("image");
    expect(base.encoder.memoryBytes()).toBe(restoredSession.heapBytes());
    expect(restored).toEqual([[image, sha256Hex(manifestBytes)]]);
    expect(created).toEqual([]);
    expect(graphReads()).toEqual([]);
    expect(kept).toEqual([true]);
    expect(base.tokenizer.vocabSize).toBe(manifest.configuration.vocab_size);
    expect(base.pooler?.bias).toHaveLength(manifest.configuration.hidden_size);
  });

  it("is named in what the base is served as, as is a graph: neither follows from the base's identity", async () => {
    const base = await openStore(createSession, host()).get(hold);
    expect(base.builds).toEqual({ "session image": sha256Hex(image) });
    expect(servedIdentity(base)).toBe(
      `${shortIdentity(manifest)}+${sha256Hex(image).slice(0, 12)}`,
    );
    const graph = manifest.builds["ort/fp32"]!;
    const loaded = await openStore().get(hold);
    expect(loaded.builds).toEqual({ [graph]: manifest.files[graph]!.sha256 });
    expect(servedIdentity(loaded)).toBe(
      `${shortIdentity(manifest)}+${manifest.files[graph]!.sha256.slice(0, 12)}`,
    );
  });

  it("under a hash of its own is served as another", async () => {
    const swapped = image.with(9, image[9]! ^ 1);
    const pointer = JSON.parse(
      Buffer.from(imaged.objects.get(baseKey("tiny"))!.bytes).toString(),
    ) as { session_image: object };
    const session_image = { ...pointer.session_image, sha256: sha256Hex(swapped) };
    const bytes = Buffer.from(JSON.stringify({ ...pointer, session_image }));
    const before = servedIdentity(await openStore(createSession, host()).get(hold));
    bucket.put(blobKey(sha256Hex(swapped)), swapped);
    bucket.put(baseKey("tiny"), bytes);
    const after = await openStore(createSession, host()).get(hold);
    expect(after.encoder.loadedFrom).toBe("image");
    expect(servedIdentity(after)).not.toBe(before);
  });

  it("has the image read while the manifest is", async () => {
    const manifestKey = blobKey(sha256Hex(manifestBytes));
    const [imageAsked, manifestAsked] = [
      Promise.withResolvers<void>(),
      Promise.withResolvers<void>(),
    ];
    // Each waits for the other: read one after the other, neither would ever arrive.
    bucket.before = (key) => {
      if (key === imageKey) {
        imageAsked.resolve();
        return manifestAsked.promise;
      }
      if (key !== manifestKey) return undefined;
      manifestAsked.resolve();
      return imageAsked.promise;
    };
    const base = await openStore(createSession, host()).get(hold);
    expect(base.encoder.loadedFrom).toBe("image");
  });

  const restoreFails = new UnavailableError("runtime-failed", "session image: no");
  const unreadable = new FormatError("image-invalid", "session image: no");
  /** What is wrong, what the host has, what becomes of the bucket, and whether restoring is tried. */
  const misfits: [string, SessionImages | undefined, () => void, boolean][] = [
    ["on a host without images", undefined, () => undefined, false],
    ["made for another runtime", host("f".repeat(16)), () => undefined, false],
    ["that is missing", host(), () => bucket.remove(imageKey), false],
    ["that is damaged", host(), () => bucket.put(imageKey, image.with(7, 0)), false],
    ["that is cut off", host(), () => bucket.put(imageKey, image.subarray(0, 50)), false],
    ["that is no image", host(RUNTIME, { failure: unreadable }), () => undefined, true],
    ["that the runtime refuses", host(RUNTIME, { failure: restoreFails }), () => undefined, true],
    [
      "whose session computes something else than it says",
      host(RUNTIME, { states: STATES + 1 }),
      () => undefined,
      true,
    ],
  ];
  it.each(misfits)("%s, is loaded from its graph", async (_, images, change, isTried) => {
    change();
    const store = openStore(createSession, images);
    await store.get(hold);
    expect(restored).toHaveLength(isTried ? 1 : 0);
    expect(kept).toEqual(isTried ? [false] : []);
    expect(created).toHaveLength(1);
    expect([...created[0]!.weights.keys()]).toEqual(manifest.weights);
    expect(graphReads().sort()).toEqual(graphKeys().sort());
    expect(store.ready?.encoder.loadedFrom).toBe("graph");
    expect(Object.keys(store.ready?.builds ?? {})).toEqual([manifest.builds["ort/fp32"]]);
    expect(store.status.state).toBe("ready");
  });

  it("does not have an image read that the host cannot use", async () => {
    await openStore(createSession, host("f".repeat(16))).get(hold);
    expect(bucket.reads).not.toContain(imageKey);
  });

  it("is not restored under a manifest that is damaged", async () => {
    const manifestKey = blobKey(sha256Hex(manifestBytes));
    bucket.put(manifestKey, Uint8Array.of(1));
    const store = openStore(createSession, host());
    await expect(store.get(hold)).rejects.toMatchObject({ code: "file-hash-mismatch" });
    expect(restored).toEqual([]);
  });
});
