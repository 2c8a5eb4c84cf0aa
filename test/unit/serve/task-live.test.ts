/**
 * What a push, a canary and a slow bucket do to requests under way: looks in the background, ages,
 * and who waits for what. Time is a number that the test moves.
 */
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blobKey, taskKey } from "../../../src/core/format/keys.ts";
import type { BaseManifest, Sha256 } from "../../../src/core/format/manifest.ts";
import { encodeUtf8 } from "../../../src/core/text.ts";
import type { Hold } from "../../../src/serve/flight.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { createTaskStore } from "../../../src/serve/task-store.ts";
import type { TaskStore } from "../../../src/serve/task-store.ts";
import { temporaryFolder, writePaperBase } from "../../support/folders.ts";
import { bucketDown, createMemoryStore } from "../../support/memory-store.ts";
import type { MemoryStore } from "../../support/memory-store.ts";
import { makeTinyTask } from "../../support/tiny-task.ts";
import type { TinyTask } from "../../support/tiny-task.ts";

const sha256: Sha256 = (bytes) => Promise.resolve(createHash("sha256").update(bytes).digest("hex"));

const FRESH_MS = 250;
const MAX_LAG_MS = 750;
const MAX_STALE_MS = 60_000;
/** A look that has not come back by then counts as lost. */
const LOST_MS = 5_000;

const folder = temporaryFolder("task-live");
let base: BaseManifest;
let bucket: MemoryStore;
let store: TaskStore;
let time: number;
let held: Promise<unknown>[];
let first: TinyTask;
let second: TinyTask;

const clock: Clock = {
  now: () => time,
  wait: () => new Promise((resolve) => setImmediate(resolve)),
};
const hold: Hold = (promise) => void held.push(promise);

beforeEach(async () => {
  base = await writePaperBase(folder.path);
  bucket = createMemoryStore();
  time = 0;
  held = [];
  const ages = { freshMs: FRESH_MS, maxLagMs: MAX_LAG_MS, maxStaleMs: MAX_STALE_MS };
  store = createTaskStore({ bucket, clock, sha256, cacheBytes: 1_000_000, ...ages });
  [first, second] = [await make(1), await make(2)];
  publish([first]);
});
afterEach(() => folder.remove());

const make = (seed: number, task = "mood"): Promise<TinyTask> =>
  makeTinyTask(base, { task, seed }, sha256);

/** Publishes versions, the first of them current. */
function publish(
  made: readonly TinyTask[],
  canary: { version: string; percent: number } | null = null,
): void {
  for (const { manifest, manifestBytes, manifestSha256, prefixBytes } of made) {
    bucket.put(blobKey(manifest.prefix.sha256), prefixBytes);
    bucket.put(blobKey(manifestSha256), manifestBytes);
  }
  const { task } = made[0]!.manifest;
  const versions = made.map(({ version, manifestSha256, manifest: { created } }) => ({
    version,
    manifest: `sha256:${manifestSha256}`,
    created,
  }));
  const pointer = { task, current: made[0]!.version, versions, canary };
  bucket.put(taskKey(task), encodeUtf8(JSON.stringify(pointer)));
}

const later = (ms: number): void => void (time += ms);
const lookedUp = (): Promise<unknown> => Promise.all(held.splice(0));

/** Version and staleness of an answer. */
async function answer(canaryKey?: string, version?: string): Promise<[string, boolean]> {
  const { task, isStale } = await store.get("mood", base, { hold, canaryKey, version });
  return [task.version, isStale];
}

/** Holds the next reads back until the returned function is called. */
function holdReads(): () => void {
  let open = (): void => undefined;
  const door = new Promise<void>((resolve) => (open = resolve));
  bucket.before = () => door;
  return () => {
    bucket.before = () => undefined;
    open();
  };
}

describe("a push to a warm isolate", () => {
  it("is looked for in the background: the request that notices is answered from memory", async () => {
    await answer();
    publish([second, first]);
    later(FRESH_MS);
    const reads = bucket.reads.length;
    const letGo = holdReads();
    expect(await answer()).toEqual([first.version, false]);
    expect(held).toHaveLength(1);
    letGo();
    await lookedUp();
    expect(bucket.reads.length).toBe(reads + 3); // pointer, manifest, prefix
    expect(await answer()).toEqual([second.version, false]);
    expect(bucket.reads.length).toBe(reads + 3); // no request read anything for it
  });

  it("is looked for by one request, however many there are", async () => {
    await answer();
    later(FRESH_MS);
    const reads = bucket.reads.length;
    await Promise.all(Array.from({ length: 20 }, () => answer()));
    await lookedUp();
    expect(bucket.reads.length).toBe(reads + 1);
  });

  it("is live at once for all requests when there was none for longer than the greatest lag", async () => {
    await answer();
    publish([second, first]);
    later(MAX_LAG_MS);
    const answers = await Promise.all([answer(), answer(), answer()]);
    expect(answers).toEqual(Array.from({ length: 3 }, () => [second.version, false]));
  });

  it("disturbs no request while its files are being read", async () => {
    await answer();
    publish([second, first]);
    later(FRESH_MS);
    let letGo = (): void => undefined;
    const door = new Promise<void>((resolve) => (letGo = resolve));
    bucket.before = (key) => (key.startsWith("blobs/") ? door : undefined);
    for (let i = 0; i < 3; i++) {
      expect(await answer()).toEqual([first.version, false]);
      later(100);
    }
    letGo();
    await lookedUp();
    expect(await answer()).toEqual([second.version, false]);
  });

  it("that cannot be opened leaves the good version, and is tried again by looks, not by requests", async () => {
    await answer();
    publish([second, first]);
    const blob = blobKey(second.manifest.prefix.sha256);
    bucket.put(blob, new Uint8Array(3));
    later(FRESH_MS);
    await answer();
    await lookedUp();
    const reads = bucket.reads.length;
    expect(await answer()).toEqual([first.version, true]);
    expect(bucket.reads.length).toBe(reads);
    bucket.put(blob, second.prefixBytes);
    later(FRESH_MS);
    await answer();
    await lookedUp();
    expect(await answer()).toEqual([second.version, false]);
  });

  it("that was found by a slow look does not undo what a later look has found", async () => {
    await answer();
    later(FRESH_MS);
    const slow = holdReads();
    await answer(); // its look sees nothing new, but takes for ever
    publish([second, first]);
    bucket.before = () => undefined;
    later(LOST_MS);
    expect((await answer())[0]).toBe(second.version);
    slow();
    await lookedUp();
    expect(await answer()).toEqual([second.version, false]);
  });
});

describe("a bucket that does not answer", () => {
  it("makes a request wait a moment, and then answers go on from memory, marked stale", async () => {
    await answer();
    const letGo = holdReads();
    later(MAX_LAG_MS);
    expect(await answer()).toEqual([first.version, true]);
    letGo();
    await lookedUp();
    expect(await answer()).toEqual([first.version, false]);
  });

  it("ends in 503 once the pointer is too old", async () => {
    await answer();
    holdReads();
    later(MAX_STALE_MS + 1);
    await expect(answer()).rejects.toMatchObject({ code: "bucket-unavailable" });
  });

  it("is asked again when a look was lost with its request", async () => {
    await answer();
    holdReads();
    later(FRESH_MS);
    await answer();
    bucket.before = () => undefined;
    later(LOST_MS);
    expect(await answer()).toEqual([first.version, false]);
  });
});

describe("a bucket that fails", () => {
  it("is noticed in the background: the next answers say that they are stale", async () => {
    await answer();
    bucket.before = bucketDown;
    later(FRESH_MS);
    expect(await answer()).toEqual([first.version, false]);
    await lookedUp();
    expect(await answer()).toEqual([first.version, true]);
    expect(held).toEqual([]); // one look for all requests of that time, also while it fails
    bucket.before = () => undefined;
    later(FRESH_MS);
    await answer();
    await lookedUp();
    expect(await answer()).toEqual([first.version, false]);
  });

  it("does not make a task that is gone come back", async () => {
    await answer();
    bucket.remove(taskKey("mood"));
    later(FRESH_MS);
    expect(await answer()).toEqual([first.version, false]);
    await lookedUp();
    await expect(answer()).rejects.toMatchObject({ code: "task-not-found" });
  });
});

describe("a canary", () => {
  const keys = Array.from({ length: 400 }, (_, i) => `user ${i}`);
  const versionsOf = async (): Promise<string[]> =>
    (await Promise.all(keys.map((key) => answer(key)))).map(([version]) => version);

  it("answers its share of the keys, always the same ones", async () => {
    publish([first, second], { version: second.version, percent: 25 });
    const versions = await versionsOf();
    const share = versions.filter((version) => version === second.version).length / keys.length;
    expect(Math.abs(share - 0.25)).toBeLessThan(0.11); // five standard deviations
    expect(await versionsOf()).toEqual(versions);
  });

  it("leaves a request alone that asks for a version", async () => {
    publish([first, second], { version: second.version, percent: 100 });
    expect(await answer("any")).toEqual([second.version, false]);
    expect(await answer("any", first.version)).toEqual([first.version, false]);
  });

  it("that cannot be used leaves its requests to the current version", async () => {
    publish([first, second], { version: second.version, percent: 100 });
    bucket.remove(blobKey(second.manifest.prefix.sha256));
    expect(await answer("any")).toEqual([first.version, false]);
    const reads = bucket.reads.length;
    expect(await answer("any")).toEqual([first.version, false]);
    expect(bucket.reads.length).toBe(reads); // not tried again at once
  });
});

describe("describing tasks", () => {
  it("reads pointer and manifest, and no prefix", async () => {
    publish([first, second], { version: second.version, percent: 5 });
    expect(await store.describe("mood", base, { hold })).toMatchObject({
      manifest: { task: "mood" },
      version: first.version,
      canary: { percent: 5 },
      isStale: false,
    });
    expect(bucket.reads).toEqual([taskKey("mood"), blobKey(first.manifestSha256)]);
    expect(store.cached).toEqual({ versions: 0, bytes: 0 });
  });

  it("says when a task belongs to another base", async () => {
    const other = { ...base, identity: "f".repeat(64) };
    await expect(store.describe("mood", other, { hold })).rejects.toMatchObject({
      code: "prefix-base-mismatch",
    });
  });

  it("needs no look at pointers that the list has just shown to be what they were", async () => {
    publish([await make(1, "other")]);
    const describeAll = async (): Promise<string[]> => {
      const names = await store.list();
      const all = await Promise.all(names.map((name) => store.describe(name, base, { hold })));
      return all.map(({ version }) => version);
    };
    const before = await describeAll();
    publish([second, first]);
    later(MAX_LAG_MS);
    bucket.reads.length = 0;
    expect(await describeAll()).toEqual([second.version, before[1]]);
    expect(bucket.reads.filter((key) => key.startsWith("tasks/"))).toEqual([taskKey("mood")]);
  });

  it("goes page by page", async () => {
    for (const task of ["a", "b", "c"]) publish([await make(1, task)]);
    expect(await store.list({ limit: 2 })).toEqual(["a", "b"]);
    expect(await store.list({ after: "b", limit: 2 })).toEqual(["c", "mood"]);
  });
});
