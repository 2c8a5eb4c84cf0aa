/** The search for the task that a blob belongs to: what it reads, and what it never reads twice. */
import { beforeEach, describe, expect, it } from "vitest";
import { blobKey, taskKey, versionOf } from "../../../src/core/format/keys.ts";
import { createPublishedFiles } from "../../../src/serve/published-files.ts";
import type { PublishedFiles } from "../../../src/serve/published-files.ts";
import { sha256, taskJson, toBytes } from "../../support/manifests.ts";
import { createMemoryStore } from "../../support/memory-store.ts";
import type { MemoryStore } from "../../support/memory-store.ts";

/** As many objects as one request reads. */
const MAX_READS = 400;

let bucket: MemoryStore;
let time: number;

beforeEach(() => {
  bucket = createMemoryStore();
  time = 0;
});

/** A prefix's hash that nothing else has. */
const hashNumber = (number: number): string => number.toString(16).padStart(64, "0");

/** Publishes versions of a task, newest first, with these hashes of their prefixes. */
async function publish(task: string, prefixes: readonly string[]): Promise<void> {
  const versions = await Promise.all(
    prefixes.map(async (hash) => {
      const manifest = toBytes(taskJson({ task, prefix: { sha256: hash, bytes: 10 } }));
      const name = await sha256(manifest);
      bucket.put(blobKey(name), manifest);
      return { version: versionOf(name), manifest: `sha256:${name}`, created: "" };
    }),
  );
  const pointer = { task, current: versions[0]!.version, versions, canary: null };
  bucket.put(taskKey(task), toBytes(pointer));
}

const open = (): PublishedFiles =>
  createPublishedFiles({
    base: "tiny",
    bucket,
    store: { head: async () => null, open: async () => null },
    clock: { now: () => time, wait: () => Promise.resolve() },
    sha256,
    freshMs: 250,
  });

/** Keys that a question has read, but for the base's pointer. */
async function readsOf(ask: Promise<unknown>): Promise<string[]> {
  bucket.reads.length = 0;
  await ask;
  return bucket.reads.filter((key) => !key.startsWith("bases/"));
}

describe("the search for a blob", () => {
  it("reads the manifests of current versions before any older one", async () => {
    await publish("a", [hashNumber(1), hashNumber(2), hashNumber(3)]);
    await publish("b", [hashNumber(4), hashNumber(5)]);
    const files = open();
    // Two pointers, two current manifests.
    expect(await readsOf(files.isPublished(hashNumber(4), null))).toHaveLength(4);
    // The rest of both tasks.
    expect(await readsOf(files.isPublished(hashNumber(9), null))).toHaveLength(3);
  });

  it("reads nothing for a hash that it has searched everything for", async () => {
    await publish("a", [hashNumber(1), hashNumber(2)]);
    const files = open();
    expect(await files.isPublished(hashNumber(9), null)).toBe(false);
    expect(await readsOf(files.isPublished(hashNumber(8), null))).toEqual([]);
    time += 1_000; // a list says that the pointer is what it was
    expect(await readsOf(files.isPublished(hashNumber(7), null))).toEqual([]);
    await publish("a", [hashNumber(7), hashNumber(1), hashNumber(2)]);
    time += 1_000;
    expect(await files.isPublished(hashNumber(7), null)).toBe(true);
  });

  it("looks only at the tasks of the key, though others are known", async () => {
    await publish("a", [hashNumber(1)]);
    await publish("b", [hashNumber(2)]);
    const files = open();
    expect(await files.isPublished(hashNumber(2), null)).toBe(true);
    expect(await files.isPublished(hashNumber(2), ["a"])).toBe(false);
    expect(await files.isPublished(hashNumber(2), ["a", "b"])).toBe(true);
  });

  it("finds a blob that two tasks share for the holder of either", async () => {
    await publish("a", [hashNumber(1)]);
    await publish("b", [hashNumber(1)]);
    const files = open();
    expect(await files.isPublished(hashNumber(1), ["b"])).toBe(true);
    expect(await files.isPublished(hashNumber(1), ["a"])).toBe(true);
  });

  it("stops after so many reads, and goes on with the next request", async () => {
    for (let task = 0; task < 10; task++) {
      const hashes = Array.from({ length: 100 }, (_, i) => hashNumber(1_000 * task + i + 1));
      await publish(`task-${task}`, hashes);
    }
    const files = open();
    const last = hashNumber(9_100);
    const ask = async (): Promise<unknown> =>
      files.isPublished(last, null).catch((error: unknown) => error);
    const unfinished = { code: "file-search-unfinished", retryAfterMs: 1_000 };
    expect(await readsOf(ask())).toHaveLength(MAX_READS);
    expect(await ask()).toMatchObject(unfinished);
    expect(await ask()).toBe(true);
  });

  it.each<[string, (manifest: string) => void]>([
    ["is missing", (key) => bucket.remove(key)],
    ["has other bytes", (key) => bucket.put(key, toBytes(taskJson({ task: "a" })))],
  ])("finds nothing in a version whose manifest %s", async (_, damage) => {
    await publish("a", [hashNumber(1)]);
    const files = open();
    const { versions } = JSON.parse(
      new TextDecoder().decode((await files.taskPointer("a"))!.bytes),
    ) as { versions: { manifest: string }[] };
    damage(blobKey(versions[0]!.manifest.slice("sha256:".length)));
    expect(await files.isPublished(hashNumber(1), null)).toBe(false);
  });

  it("finds nothing by a pointer that names another task's version", async () => {
    await publish("a", [hashNumber(1)]);
    const stolen = (await bucket.get(taskKey("a"), 10_000)) as { bytes: Uint8Array };
    const text = new TextDecoder().decode(stolen.bytes).replace('"task":"a"', '"task":"b"');
    bucket.put(taskKey("b"), toBytes(text));
    expect(await open().isPublished(hashNumber(1), ["b"])).toBe(false);
  });

  it("says that the bucket is down rather than that there is no such blob", async () => {
    bucket.before = () => Promise.reject(new Error("down"));
    await expect(open().isPublished(hashNumber(1), null)).rejects.toThrow("down");
  });
});
