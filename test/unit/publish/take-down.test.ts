/** Taking a task down, and deleting what nothing needs any more. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256Hex } from "../../../scripts/node/hash.ts";
import { dryRunOf } from "../../../scripts/publish/dry-run.ts";
import { prune } from "../../../scripts/publish/prune.ts";
import { publishBase } from "../../../scripts/publish/publish-base.ts";
import { publishTask } from "../../../scripts/publish/publish-task.ts";
import { fetchTaskPointer, listTasks } from "../../../scripts/publish/task-pointer.ts";
import { unpublishTask } from "../../../scripts/publish/unpublish-task.ts";
import { baseKey, blobKey, taskKey } from "../../../src/core/format/keys.ts";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import { temporaryFolder, writePaperBase, writeTaskFolder } from "../../support/folders.ts";
import { createMemoryBucket } from "../../support/memory-bucket.ts";
import type { MemoryBucket } from "../../support/memory-bucket.ts";

const wait = (): Promise<void> => Promise.resolve();
const DAY_MS = 24 * 3_600_000;
const START = Date.parse("2026-11-01T00:00:00Z");

let root: ReturnType<typeof temporaryFolder>;
let bucket: MemoryBucket;
let base: BaseManifest;
const inRoot = (...path: string[]): string => join(root.path, ...path);
const at = (ms: number) => ({ wait, graceMs: DAY_MS, now: () => new Date(START + ms) });

beforeEach(async () => {
  root = temporaryFolder("take-down");
  bucket = createMemoryBucket();
  bucket.now = () => new Date(START);
  base = await writePaperBase(inRoot("base"));
  await publishBase(bucket, inRoot("base"), { wait });
});
afterEach(() => root.remove());

/** Pushes a version of the task "mood"; returns the keys of its two blobs, sorted. */
async function push(seed: number, task = "mood"): Promise<string[]> {
  const folder = inRoot(`${task}-${seed}`);
  writeTaskFolder(folder, base, { seed, task });
  await publishTask(bucket, folder, { wait });
  return ["manifest.json", "prefix.safetensors"]
    .map((file) => blobKey(sha256Hex(readFileSync(join(folder, file)))))
    .sort();
}

describe("taking a task down", () => {
  it("deletes its pointer and leaves its blobs, so that a push brings it back unsent", async () => {
    const blobs = await push(1);
    const { current } = await fetchTaskPointer(bucket, "mood");
    expect((await unpublishTask(bucket, "mood", wait))?.current).toBe(current);
    expect(await listTasks(bucket)).toEqual([]);
    for (const key of blobs) expect(bucket.objects.has(key)).toBe(true);
    expect(await publishTask(bucket, inRoot("mood-1"), { wait })).toMatchObject({
      previous: null,
      uploaded: 0,
      isChanged: true,
    });
  });

  it("leaves other tasks alone", async () => {
    await push(1);
    await push(1, "other");
    await unpublishTask(bucket, "mood", wait);
    expect(await listTasks(bucket)).toEqual(["other"]);
  });

  it("works on a pointer that cannot be read", async () => {
    bucket.objects.set(taskKey("mood"), { bytes: Buffer.from("{broken"), etag: "damaged" });
    expect(await unpublishTask(bucket, "mood", wait)).toBeNull();
    expect(bucket.objects.has(taskKey("mood"))).toBe(false);
  });

  it.each([
    ["other", "task-not-found", /found mood$/],
    ["No Name", "name-invalid", /name "No Name"/],
  ])("of %j is refused with %s", async (task, code, message) => {
    await push(1);
    await expect(unpublishTask(bucket, task, wait)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it("is tried again when the storage fails", async () => {
    await push(1);
    let failures = 2;
    bucket.before = (operation) => {
      if (operation === "delete" && failures-- > 0) throw new Error("Unspecified error (0)");
    };
    await unpublishTask(bucket, "mood", wait);
    expect(bucket.objects.has(taskKey("mood"))).toBe(false);
  });
});

describe("pruning", () => {
  it("deletes nothing that a pointer leads to: versions, their prefixes, bases, images", async () => {
    await push(1);
    await push(2);
    const image = new Uint8Array(5000);
    const images = { runtime: "0123456789abcdef", make: () => Promise.resolve(image) };
    await publishBase(bucket, inRoot("base"), { wait, images });
    const before = new Map(bucket.objects);
    expect(await prune(bucket, at(2 * DAY_MS))).toEqual({
      deleted: [],
      named: before.size - 2,
      young: 0,
    });
    expect(bucket.objects).toEqual(before);
  });

  it("deletes the blobs of a task that was taken down, after the grace period", async () => {
    const blobs = await push(1);
    await unpublishTask(bucket, "mood", wait);
    expect(await prune(bucket, at(DAY_MS - 1))).toMatchObject({ deleted: [], young: 2 });
    const { deleted, young } = await prune(bucket, at(DAY_MS));
    expect(deleted.map(({ key }) => key).sort()).toEqual(blobs);
    expect(young).toBe(0);
    for (const key of blobs) expect(bucket.objects.has(key)).toBe(false);
    await push(1);
    expect((await fetchTaskPointer(bucket, "mood")).versions).toHaveLength(1);
  });

  it("deletes the graph that a better one replaced, and the manifest that named it", async () => {
    const old = blobKey(base.files["model.onnx"]!.sha256);
    await writePaperBase(inRoot("base"), { graph: "a better graph" });
    await publishBase(bucket, inRoot("base"), { wait });
    const { deleted } = await prune(bucket, at(DAY_MS));
    expect(deleted).toHaveLength(2);
    expect(deleted.map(({ key }) => key)).toContain(old);
  });

  it("spares the blobs of a push that has not moved its pointer yet", async () => {
    bucket.before = (operation, key) => {
      if (operation === "putIf" && key === taskKey("mood")) throw new Error("the process is gone");
    };
    await expect(push(1)).rejects.toThrow("the process is gone");
    bucket.before = () => undefined;
    expect(await prune(bucket, at(1000))).toMatchObject({ deleted: [], young: 2 });
  });

  it("keeps what a version of another release names", async () => {
    const [one, two] = await push(1);
    const manifestKey = [one!, two!].find((key) => {
      const text = Buffer.from(bucket.objects.get(key)!.bytes).toString();
      return text.startsWith("{");
    })!;
    const stored = bucket.objects.get(manifestKey)!;
    const text = Buffer.from(stored.bytes).toString();
    const older = text.replace(/"format_version":\d+/, '"format_version":1');
    expect(older).not.toBe(text);
    bucket.objects.set(manifestKey, { ...stored, bytes: Buffer.from(older) });
    expect(await prune(bucket, at(DAY_MS))).toMatchObject({ deleted: [] });
  });

  it.each([taskKey("mood"), baseKey("paper")])(
    "deletes nothing while %s cannot be read",
    async (key) => {
      await push(1);
      await unpublishTask(bucket, "mood", wait);
      bucket.objects.set(key, { bytes: Buffer.from("{broken"), etag: "damaged" });
      const before = new Map(bucket.objects);
      await expect(prune(bucket, at(DAY_MS))).rejects.toMatchObject({
        code: "prune-unsafe",
        message: expect.stringContaining(key) as string,
      });
      expect(bucket.objects).toEqual(before);
    },
  );

  it("says on a dry run what it would delete, and deletes nothing", async () => {
    const blobs = await push(1);
    await unpublishTask(bucket, "mood", wait);
    const before = new Map(bucket.objects);
    const { deleted } = await prune(dryRunOf(bucket), at(DAY_MS));
    expect(deleted.map(({ key }) => key).sort()).toEqual(blobs);
    expect(bucket.objects).toEqual(before);
  });

  it("leaves objects alone whose keys are no blob's", async () => {
    bucket.objects.set("blobs/sha256/readme.txt", { bytes: new Uint8Array(1), etag: "x" });
    expect(await prune(bucket, at(DAY_MS))).toMatchObject({ deleted: [] });
  });
});
