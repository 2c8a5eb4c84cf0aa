/**
 * What happens when a bucket changes, fails or lies. The damage is done to real artifacts of a paper
 * base; time is a number that the test moves.
 */
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blobKey, taskKey } from "../../../src/core/format/keys.ts";
import type { BaseManifest, Sha256 } from "../../../src/core/format/manifest.ts";
import { CLASSIFIER_BIAS, PROMPT_EMBEDDINGS } from "../../../src/core/model/shapes.ts";
import { float32 } from "../../../src/core/model/tensor.ts";
import { encodeUtf8 } from "../../../src/core/text.ts";
import type { Hold } from "../../../src/serve/flight.ts";
import type { Clock } from "../../../src/core/clock.ts";
import type { LoadedBase } from "../../../src/engine/engine.ts";
import { createPredictor } from "../../../src/serve/predictor.ts";
import { createScheduler } from "../../../src/serve/queue/scheduler.ts";
import { createTaskStore } from "../../../src/serve/task-store.ts";
import type { TaskStore, TaskStoreOptions } from "../../../src/serve/task-store.ts";
import { bucketCases } from "../../cases/bucket.cases.ts";
import { temporaryFolder, writePaperBase } from "../../support/folders.ts";
import { bucketDown, createMemoryStore } from "../../support/memory-store.ts";
import type { MemoryStore } from "../../support/memory-store.ts";
import { makeTinyTask } from "../../support/tiny-task.ts";
import type { TinyTask, TinyTaskOptions } from "../../support/tiny-task.ts";

const sha256: Sha256 = (bytes) => Promise.resolve(createHash("sha256").update(bytes).digest("hex"));

const FRESH_MS = 500;
const MAX_STALE_MS = 60_000;

const folder = temporaryFolder("task-store");
let base: BaseManifest;
let bucket: MemoryStore;
let store: TaskStore;
let time: number;

beforeEach(async () => {
  base = await writePaperBase(folder.path);
  bucket = createMemoryStore();
  time = 0;
  held = [];
  store = openStore();
});
afterEach(() => folder.remove());

/** Time stands still while waiting; whatever can be done without it is done first. */
const clock: Clock = {
  now: () => time,
  wait: () => new Promise((resolve) => setImmediate(resolve)),
};

const openStore = (options: Partial<TaskStoreOptions> = {}): TaskStore =>
  createTaskStore({
    bucket,
    clock,
    sha256,
    cacheBytes: 1_000_000,
    freshMs: FRESH_MS,
    maxLagMs: FRESH_MS,
    maxStaleMs: MAX_STALE_MS,
    ...options,
  });

/** What goes on after an answer. */
let held: Promise<unknown>[];
const hold: Hold = (promise) => void held.push(promise);

const make = (task: string, seed = 1, options: Partial<TinyTaskOptions> = {}): Promise<TinyTask> =>
  makeTinyTask(base, { task, seed, ...options }, sha256);

/** Publishes versions of a task, the first of them current. */
function publish(...made: readonly [TinyTask, ...TinyTask[]]): void {
  for (const { manifest, manifestBytes, manifestSha256, prefixBytes } of made) {
    bucket.put(blobKey(manifest.prefix.sha256), prefixBytes);
    bucket.put(blobKey(manifestSha256), manifestBytes);
  }
  const pointer = {
    task: made[0].manifest.task,
    current: made[0].version,
    versions: made.map(({ version, manifestSha256, manifest }) => ({
      version,
      manifest: `sha256:${manifestSha256}`,
      created: manifest.created,
    })),
    canary: null,
  };
  bucket.put(taskKey(pointer.task), encodeUtf8(JSON.stringify(pointer)));
}

const get = (name: string, version?: string) => store.get(name, base, { version, hold });
const served = async (name: string): Promise<[string, boolean]> => {
  const { task, isStale } = await get(name);
  return [task.version, isStale];
};
const later = (ms = FRESH_MS + 1): void => void (time += ms);

bucketCases("in memory", () => {
  const memory = createMemoryStore();
  return { bucket: memory, put: memory.put };
});

describe("a task in the bucket", () => {
  it("is read once, then comes from memory without a question", async () => {
    publish(await make("mood"));
    await get("mood");
    expect(bucket.reads).toHaveLength(3); // pointer, manifest, prefix
    await get("mood");
    expect(bucket.reads).toHaveLength(3);
  });

  it("is opened without a further read where its files were read ahead", async () => {
    const [first, second] = [await make("mood", 1), await make("mood", 2)];
    publish(second, first);
    await store.readAhead("mood", first.version);
    await store.readAhead("mood");
    expect(bucket.reads).toHaveLength(5); // pointer, and manifest and prefix of each version
    expect(await served("mood")).toEqual([second.version, false]);
    expect((await get("mood", first.version)).task.version).toBe(first.version);
    expect(bucket.reads).toHaveLength(5);
  });

  it.each([
    ["is missing", () => bucket.remove(taskKey("mood")), "task-not-found"],
    ["cannot be read", () => (bucket.before = bucketDown), "bucket-unavailable"],
    ["is damaged", () => bucket.put(taskKey("mood"), Uint8Array.of(1)), "task-corrupt"],
  ])("that %s says so when it is asked for, not when it is read ahead", async (_, harm, code) => {
    publish(await make("mood"));
    harm();
    await store.readAhead("mood");
    await expect(get("mood")).rejects.toMatchObject({ code });
  });

  it("has what was read ahead checked like everything else", async () => {
    const made = await make("mood");
    publish(made);
    const key = blobKey(made.manifest.prefix.sha256);
    bucket.put(key, made.prefixBytes.with(100, made.prefixBytes[100]! ^ 1));
    await store.readAhead("mood");
    await expect(get("mood")).rejects.toMatchObject({ code: "task-corrupt" });
  });

  it("is not read ahead again where its files are at hand, or it is open", async () => {
    publish(await make("mood"));
    await store.readAhead("mood");
    await store.readAhead("mood");
    await get("mood");
    await store.readAhead("mood");
    expect(bucket.reads).toHaveLength(3); // pointer, manifest, prefix
  });

  it("has its files read while the base still loads", async () => {
    const made = await make("mood");
    publish(made);
    const prefixRead = Promise.withResolvers<void>();
    bucket.before = (key) =>
      key === blobKey(made.manifest.prefix.sha256) ? prefixRead.resolve() : undefined;
    const loaded = { manifest: base } as LoadedBase;
    // A base that is never there before the prefix: read one after the other, neither would come.
    const predictor = createPredictor({
      models: { get: () => prefixRead.promise.then(() => loaded), ready: null },
      tasks: store,
      scheduler: createScheduler({ clock, maxBatchTokens: 16, maxQueuedTokens: 16 }),
      clock,
      deadlineMs: Infinity,
      maxWindows: 1,
    });
    const opened = await predictor.open("mood", { hold });
    expect(opened.task.version).toBe(made.version);
    expect(opened.base).toBe(loaded);
    expect(bucket.reads).toHaveLength(3);
  });

  it("costs one small question when its pointer is no longer fresh", async () => {
    publish(await make("mood"));
    await get("mood");
    later();
    await Promise.all([get("mood"), get("mood"), get("mood")]);
    expect(bucket.reads.slice(3)).toEqual([taskKey("mood")]);
  });

  it("is replaced by a new version once the pointer is no longer fresh", async () => {
    const [first, second] = [await make("mood", 1), await make("mood", 2)];
    publish(first);
    expect(await served("mood")).toEqual([first.version, false]);
    publish(second, first);
    expect(await served("mood")).toEqual([first.version, false]);
    later();
    expect(await served("mood")).toEqual([second.version, false]);
  });

  it("can be asked for in an earlier version, and not in an unknown one", async () => {
    const [first, second] = [await make("mood", 1), await make("mood", 2)];
    publish(second, first);
    expect((await get("mood", first.version)).task.version).toBe(first.version);
    await expect(get("mood", "0123456789ab")).rejects.toMatchObject({ code: "version-not-found" });
  });

  it("is unknown once its pointer is gone", async () => {
    publish(await make("mood"));
    await get("mood");
    bucket.remove(taskKey("mood"));
    later();
    await expect(get("mood")).rejects.toMatchObject({ code: "task-not-found" });
  });

  it.each(["nothing", "", "../secrets", "A", "__proto__", "x".repeat(100)])(
    "is unknown when there is no %j",
    async (name) => {
      await expect(get(name)).rejects.toMatchObject({ code: "task-not-found" });
    },
  );
});

/** Every way in which a version can be unusable, as a change of a good one. */
const DAMAGES: readonly [string, string, (name: string) => Promise<TinyTask>][] = [
  [
    "carries NaN",
    "task-corrupt",
    (name) =>
      make(name, 9, {
        damageTensors: (tensors) => {
          const { data } = tensors.get(PROMPT_EMBEDDINGS)!;
          data[7] = Number.NaN;
        },
      }),
  ],
  [
    "is cut off",
    "task-corrupt",
    (name) => make(name, 9, { damageBytes: (bytes) => bytes.slice(0, -8) }),
  ],
  [
    "has a header that lies about its length",
    "task-corrupt",
    (name) =>
      make(name, 9, {
        damageBytes: (bytes) => {
          const copy = Uint8Array.from(bytes);
          new DataView(copy.buffer).setBigUint64(0, 2n ** 60n, true);
          return copy;
        },
      }),
  ],
  [
    "has a head for another number of labels",
    "task-corrupt",
    (name) =>
      make(name, 9, {
        damageTensors: (tensors) => tensors.set(CLASSIFIER_BIAS, float32([3], new Float32Array(3))),
      }),
  ],
  [
    "was made for another base",
    "prefix-base-mismatch",
    (name) => make(name, 9, { manifest: { base: { name: "other", identity: "f".repeat(64) } } }),
  ],
  [
    "belongs to another task",
    "task-corrupt",
    async (name) => {
      const { manifest, ...rest } = await make("somebody", 9);
      return { ...rest, manifest: { ...manifest, task: name } };
    },
  ],
];

describe.each(DAMAGES)("a version that %s", (_, code, damaged) => {
  it(`is refused with ${code}, and other tasks go on`, async () => {
    publish(await damaged("mood"));
    publish(await make("other"));
    await expect(get("mood")).rejects.toMatchObject({ code });
    expect((await served("other"))[1]).toBe(false);
  });

  it("does not replace the good version in memory", async () => {
    const good = await make("mood", 1);
    publish(good);
    await get("mood");
    publish(await damaged("mood"), good);
    later();
    expect(await served("mood")).toEqual([good.version, true]);
    expect((await get("mood", good.version)).task.version).toBe(good.version);
  });

  it("does not stand in the way of an earlier version that is asked for by name", async () => {
    const good = await make("mood", 1);
    publish(await damaged("mood"), good);
    expect((await get("mood", good.version)).task.version).toBe(good.version);
  });
});

describe("bytes in the bucket that are not what their name says", () => {
  it.each(["prefix", "manifest"] as const)("are refused: the %s", async (which) => {
    const made = await make("mood");
    publish(made);
    const hash = which === "prefix" ? made.manifest.prefix.sha256 : made.manifestSha256;
    const bytes = Uint8Array.from(which === "prefix" ? made.prefixBytes : made.manifestBytes);
    bytes[bytes.length - 3]! ^= 1;
    bucket.put(blobKey(hash), bytes);
    await expect(get("mood")).rejects.toMatchObject({ code: "task-corrupt" });
  });

  it("are served again as soon as they are repaired, without a new version", async () => {
    const made = await make("mood");
    publish(made);
    const key = blobKey(made.manifest.prefix.sha256);
    bucket.put(key, new Uint8Array(10));
    await expect(get("mood")).rejects.toMatchObject({ code: "task-corrupt" });
    bucket.put(key, made.prefixBytes);
    later();
    expect(await served("mood")).toEqual([made.version, false]);
  });

  it("are not fetched again for every request", async () => {
    const made = await make("mood");
    publish(made);
    bucket.remove(blobKey(made.manifest.prefix.sha256));
    await expect(get("mood")).rejects.toMatchObject({ code: "task-corrupt" });
    const { length } = bucket.reads;
    await expect(get("mood")).rejects.toMatchObject({ code: "task-corrupt" });
    expect(bucket.reads).toHaveLength(length);
  });

  it("keep a task from starting, but not from going on: a pointer that is no JSON", async () => {
    const made = await make("mood");
    publish(made);
    await get("mood");
    bucket.put(taskKey("mood"), encodeUtf8("{"));
    later();
    expect(await served("mood")).toEqual([made.version, true]);
    store = openStore();
    await expect(get("mood")).rejects.toMatchObject({ code: "task-corrupt" });
  });

  it("are not read at all when they are far too many: a pointer of a megabyte", async () => {
    bucket.put(taskKey("mood"), new Uint8Array(1_000_000));
    await expect(get("mood")).rejects.toMatchObject({ code: "task-corrupt" });
  });

  it("are not taken for a task: the pointer of another one", async () => {
    publish(await make("mood"));
    const pointer = await bucket.get(taskKey("mood"), 10_000);
    if (pointer === null || pointer === "unchanged") throw new Error("no pointer");
    bucket.put(taskKey("twin"), pointer.bytes);
    await expect(get("twin")).rejects.toMatchObject({ code: "task-corrupt" });
  });
});

describe("a bucket that cannot be asked", () => {
  it("leaves what is in memory to answer, marked stale, up to its age", async () => {
    const made = await make("mood");
    publish(made);
    await get("mood");
    bucket.before = bucketDown;
    later();
    expect(await served("mood")).toEqual([made.version, true]);
    later(MAX_STALE_MS);
    await expect(get("mood")).rejects.toMatchObject({ code: "bucket-unavailable" });
    await expect(get("mood")).rejects.toMatchObject({ code: "bucket-unavailable" });
    bucket.before = () => undefined;
    expect(await served("mood")).toEqual([made.version, false]);
  });

  it("is said to be unavailable, not empty", async () => {
    bucket.before = bucketDown;
    await expect(get("mood")).rejects.toMatchObject({ code: "bucket-unavailable" });
    await expect(store.list()).rejects.toMatchObject({ code: "bucket-unavailable" });
  });
});

describe("memory", () => {
  it("keeps to its budget, and lets go of the least recently used", async () => {
    store = openStore({ cacheBytes: 2_000 });
    for (let i = 0; i < 20; i++) publish(await make(`task-${i}`));
    for (let i = 0; i < 20; i++) {
      await get("task-0"); // the hot one
      await get(`task-${i}`);
    }
    bucket.reads.length = 0;
    await get("task-0");
    expect(bucket.reads).toEqual([]);
    await get("task-1");
    expect(bucket.reads).toHaveLength(1); // the prefix again; pointer and manifest are at hand
  });

  it("does not grow with the versions of a task that is always in use", async () => {
    store = openStore({ cacheBytes: 2_000 });
    const versions = await Promise.all(Array.from({ length: 20 }, (_, seed) => make("mood", seed)));
    for (const made of versions) {
      publish(made, ...versions);
      later();
      await get("mood");
    }
    bucket.reads.length = 0;
    await get("mood", versions[0]!.version);
    expect(bucket.reads).toHaveLength(1); // its prefix had been let go
  });
});
