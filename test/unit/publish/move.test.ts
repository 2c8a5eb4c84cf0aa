/** Moving a task among its versions, and looking without touching. */
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listRow } from "../../../scripts/commands/list.ts";
import { dryRunOf } from "../../../scripts/publish/dry-run.ts";
import { endCanary, rollbackTask, startCanary } from "../../../scripts/publish/move-task.ts";
import { mapLimited } from "../../../src/core/concurrency.ts";
import { publishBase } from "../../../scripts/publish/publish-base.ts";
import { publishTask } from "../../../scripts/publish/publish-task.ts";
import { fetchTaskPointer } from "../../../scripts/publish/task-pointer.ts";
import { blobKey } from "../../../src/core/format/keys.ts";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import { MAX_VERSIONS, hashOf } from "../../../src/core/format/pointer.ts";
import { publishBucketCases } from "../../cases/publish-bucket.cases.ts";
import { temporaryFolder, writePaperBase, writeTaskFolder } from "../../support/folders.ts";
import { createMemoryBucket } from "../../support/memory-bucket.ts";
import type { MemoryBucket } from "../../support/memory-bucket.ts";

const wait = (): Promise<void> => Promise.resolve();

let root: ReturnType<typeof temporaryFolder>;
let bucket: MemoryBucket;
let base: BaseManifest;

beforeEach(async () => {
  root = temporaryFolder("move");
  bucket = createMemoryBucket();
  base = await writePaperBase(join(root.path, "base"));
  await publishBase(bucket, join(root.path, "base"), { wait });
});
afterEach(() => root.remove());

async function push(seed: number, canaryPercent?: number): Promise<string> {
  const folder = join(root.path, `mood-${seed}`);
  writeTaskFolder(folder, base, { seed });
  return (await publishTask(bucket, folder, { wait, canaryPercent })).version;
}

const pointer = () => fetchTaskPointer(bucket, "mood");

publishBucketCases("in memory", () => createMemoryBucket());

describe("a canary", () => {
  it("takes its share beside the current version until it is ended", async () => {
    const [first, second] = [await push(1), await push(2)];
    const started = await startCanary(bucket, "mood", { version: first, percent: 5 }, wait);
    expect(started.pointer).toMatchObject({
      current: second,
      canary: { version: first, percent: 5 },
    });
    expect(await listRow(bucket, "mood")).toMatchObject({ canary: { version: first, percent: 5 } });
    await endCanary(bucket, "mood", {}, wait);
    expect(await pointer()).toMatchObject({ current: second, canary: null });
  });

  it("changes its share, and is left alone when that is the same", async () => {
    const [first] = [await push(1), await push(2)];
    const set = (percent: number) =>
      startCanary(bucket, "mood", { version: first.slice(0, 5), percent }, wait);
    expect((await set(5)).isChanged).toBe(true);
    expect((await set(5)).isChanged).toBe(false);
    expect((await set(50)).before?.canary?.percent).toBe(5);
  });

  it("becomes the current version when it is promoted", async () => {
    const [first] = [await push(1), await push(2)];
    await startCanary(bucket, "mood", { version: first, percent: 5 }, wait);
    await endCanary(bucket, "mood", { promote: true }, wait);
    expect(await pointer()).toMatchObject({ current: first, canary: null });
  });

  it("is what a push makes of a new version when asked to", async () => {
    const first = await push(1);
    const second = await push(2, 10);
    expect(await pointer()).toMatchObject({
      current: first,
      canary: { version: second, percent: 10 },
      versions: [{ version: second }, { version: first }],
    });
  });

  it("ends with a push and with a rollback", async () => {
    const [first] = [await push(1), await push(2)];
    await startCanary(bucket, "mood", { version: first, percent: 5 }, wait);
    await push(3);
    expect((await pointer()).canary).toBeNull();
    await startCanary(bucket, "mood", { version: first, percent: 5 }, wait);
    await rollbackTask(bucket, "mood", undefined, wait);
    expect((await pointer()).canary).toBeNull();
  });

  it("is no version that is current, unknown, or damaged in the bucket", async () => {
    const [first, second] = [await push(1), await push(2)];
    const start = (version: string) => startCanary(bucket, "mood", { version, percent: 5 }, wait);
    await expect(start(second)).rejects.toMatchObject({ code: "canary-is-current" });
    await expect(start("ffffffffffff")).rejects.toMatchObject({ code: "version-not-found" });
    await expect(push(2, 5)).rejects.toMatchObject({ code: "canary-is-current" });
    const entry = (await pointer()).versions.find(({ version }) => version === first);
    bucket.objects.delete(blobKey(hashOf(entry!.manifest)));
    await expect(start(first)).rejects.toMatchObject({ code: "blob-corrupt" });
    expect((await pointer()).canary).toBeNull();
  });

  it("cannot be promoted when there is none", async () => {
    await push(1);
    await expect(endCanary(bucket, "mood", { promote: true }, wait)).rejects.toMatchObject({
      code: "canary-missing",
    });
  });

  it("is not lost when another writer moves the pointer at the same moment", async () => {
    const [first] = [await push(1), await push(2)];
    let others = 0;
    bucket.before = async (operation) => {
      if (operation !== "putIf" || others++ > 0) return;
      await push(3);
    };
    await startCanary(bucket, "mood", { version: first, percent: 5 }, wait);
    expect(await pointer()).toMatchObject({ canary: { version: first, percent: 5 } });
    expect((await pointer()).versions).toHaveLength(3);
  });
});

describe("the list of versions", () => {
  it("is bounded, and keeps the current one however old it is", async () => {
    const oldest = await push(0);
    for (let seed = 1; seed <= MAX_VERSIONS + 5; seed++) await push(seed, 1);
    const { current, versions } = await pointer();
    expect(current).toBe(oldest);
    expect(versions.length).toBeLessThanOrEqual(MAX_VERSIONS);
    expect(versions.at(-1)?.version).toBe(oldest);
  });
});

describe("a dry run", () => {
  it("says what would change and leaves the bucket as it is", async () => {
    const first = await push(1);
    const before = new Map(bucket.objects);
    const folder = join(root.path, "mood-2");
    writeTaskFolder(folder, base, { seed: 2 });
    const dry = dryRunOf(bucket);
    expect(await publishTask(dry, folder, { wait })).toMatchObject({
      previous: first,
      isChanged: true,
      uploaded: 2,
    });
    expect(new Map(bucket.objects)).toEqual(before);
    expect((await fetchTaskPointer(dry, "mood")).versions).toHaveLength(2);
  });
});

describe("a push that is interrupted", () => {
  it("stops before the pointer, and only sends what is missing when it is repeated", async () => {
    const abort = new AbortController();
    const fresh = createMemoryBucket();
    fresh.before = (operation) => {
      if (operation === "putBlob") abort.abort();
    };
    const options = { wait, signal: abort.signal };
    await expect(publishBase(fresh, join(root.path, "base"), options)).rejects.toThrow(/abort/i);
    const sent = [...fresh.objects.keys()];
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.filter((key) => !key.startsWith("blobs/"))).toEqual([]);
    const again = await publishBase(fresh, join(root.path, "base"), { wait });
    // Three files and the manifest.
    expect(again).toMatchObject({ isChanged: true, uploaded: 4 - sent.length });
  });
});

describe("work on many items", () => {
  it("is done a few at a time, and its results keep the order", async () => {
    let running = 0;
    let most = 0;
    const results = await mapLimited([3, 1, 2, 5, 4], 2, async (item) => {
      most = Math.max(most, ++running);
      for (let i = 0; i < item; i++) await Promise.resolve();
      running--;
      return item * 10;
    });
    expect([results, most]).toEqual([[30, 10, 20, 50, 40], 2]);
  });

  it("ends with the first error, and begins nothing after it", async () => {
    const begun: number[] = [];
    const work = mapLimited([0, 1, 2, 3, 4], 2, async (item) => {
      begun.push(item);
      if (item === 1) throw new Error("no");
      await Promise.resolve();
    });
    await expect(work).rejects.toThrow("no");
    expect(begun).toEqual([0, 1]);
  });
});
