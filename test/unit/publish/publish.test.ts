/** Publishing: whole or not at all, whatever fails and whenever the process dies. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { publishBase } from "../../../scripts/publish/publish-base.ts";
import { publishTask } from "../../../scripts/publish/publish-task.ts";
import { readTaskFolder } from "../../../scripts/task/task-folder.ts";
import { rollbackTask } from "../../../scripts/publish/move-task.ts";
import {
  fetchTaskPointer,
  fetchVersion,
  listTasks,
} from "../../../scripts/publish/task-pointer.ts";
import { listRow } from "../../../scripts/commands/list.ts";
import { ensureBlob } from "../../../scripts/publish/bucket.ts";
import { sha256Hex } from "../../../scripts/node/hash.ts";
import { blobKey, taskKey } from "../../../src/core/format/keys.ts";
import { writePaperBase, writeTaskFolder } from "../../support/folders.ts";
import { createMemoryBucket } from "../../support/memory-bucket.ts";
import type { MemoryBucket } from "../../support/memory-bucket.ts";
import { startPublishing, wait } from "../../support/publishing.ts";
import type { Publishing } from "../../support/publishing.ts";

let { bucket, base, inRoot, version, remove } = {} as Publishing;
beforeEach(async () => {
  ({ bucket, base, inRoot, version, remove } = await startPublishing("publish"));
});
afterEach(() => remove());

/** The current version as a reader gets it: from the pointer to the bytes, all hashes checked. */
async function served(from: MemoryBucket, task = "mood"): Promise<string> {
  const pointer = await fetchTaskPointer(from, task);
  const entry = pointer.versions.find((item) => item.version === pointer.current);
  if (!entry) throw new Error("the pointer names no version");
  await fetchVersion(from, task, entry);
  return pointer.current;
}

const versionIn = async (folder: string): Promise<string> => (await readTaskFolder(folder)).version;

describe("pushing a task", () => {
  it("stores its blobs by content and makes it current, newest first", async () => {
    const [first, second] = [version(1), version(2)];
    await publishTask(bucket, first, { wait });
    const result = await publishTask(bucket, second, { wait });
    const pointer = await fetchTaskPointer(bucket, "mood");
    expect(result).toMatchObject({
      task: "mood",
      isChanged: true,
      previous: await versionIn(first),
    });
    expect(pointer.versions.map((item) => item.version)).toEqual([
      await versionIn(second),
      await versionIn(first),
    ]);
    expect(await served(bucket)).toBe(await versionIn(second));
  });

  it("takes the prefix and the manifest, and leaves the report and the card where they are", async () => {
    const folder = version(1);
    for (const name of ["report.html", "CARD.md"]) {
      writeFileSync(join(folder, name), "a text of the evaluation data");
    }
    const before = new Set(bucket.objects.keys());
    await publishTask(bucket, folder, { wait });
    const added = [...bucket.objects.keys()].filter((key) => !before.has(key));
    const hashes = ["manifest.json", "prefix.safetensors"].map((name) =>
      blobKey(sha256Hex(readFileSync(join(folder, name)))),
    );
    expect(added.sort()).toEqual([...hashes, taskKey("mood")].sort());
  });

  it("changes nothing when the same folder is pushed again", async () => {
    await publishTask(bucket, version(1), { wait });
    const before = new Map(bucket.objects);
    const result = await publishTask(bucket, version(1), { wait });
    expect(result.isChanged).toBe(false);
    expect(new Map(bucket.objects)).toEqual(before);
  });

  it("refuses a task of another base before anything is written", async () => {
    const other = await writePaperBase(inRoot("other"), { seed: 2 });
    writeTaskFolder(inRoot("foreign"), other, { task: "foreign" });
    const before = new Map(bucket.objects);
    await expect(publishTask(bucket, inRoot("foreign"), { wait })).rejects.toMatchObject({
      code: "prefix-base-mismatch",
    });
    expect(new Map(bucket.objects)).toEqual(before);
  });

  it("refuses a task whose base is not in the bucket", async () => {
    const folder = version(1);
    await expect(publishTask(createMemoryBucket(), folder, { wait })).rejects.toMatchObject({
      code: "base-not-found",
    });
  });

  it.each([
    ["truncated", (bytes: Buffer) => bytes.subarray(0, 100), "file-hash-mismatch"],
    ["changed", (bytes: Buffer) => bytes.fill(255, bytes.length - 4), "file-hash-mismatch"],
  ])("refuses a %s prefix before anything is written", async (_, damage, code) => {
    const folder = version(1);
    const path = join(folder, "prefix.safetensors");
    writeFileSync(path, damage(readFileSync(path)));
    const before = new Map(bucket.objects);
    await expect(publishTask(bucket, folder, { wait })).rejects.toMatchObject({ code });
    expect(new Map(bucket.objects)).toEqual(before);
  });

  it.each(["{broken", "", '{"task":"other","current":"x","versions":[],"canary":null}'])(
    "replaces a pointer that cannot be read (%j)",
    async (damaged) => {
      await publishTask(bucket, version(1), { wait });
      bucket.objects.set(taskKey("mood"), { bytes: Buffer.from(damaged), etag: "damaged" });
      const result = await publishTask(bucket, version(2), { wait });
      expect(result).toMatchObject({ previous: null, isChanged: true });
      expect(await served(bucket)).toBe(await versionIn(version(2)));
    },
  );

  it("is listed by its name; other objects beside the pointers are no tasks", async () => {
    await publishTask(bucket, version(1), { wait });
    for (const key of ["tasks/Odd Name.json", "tasks/a/b.json", "tasks/mood.txt"]) {
      bucket.objects.set(key, { bytes: Buffer.from("{}"), etag: key });
    }
    expect(await listTasks(bucket)).toEqual(["mood"]);
  });

  it("is listed with what is wrong with it", async () => {
    await publishTask(bucket, version(1), { wait });
    const key = taskKey("broken");
    bucket.objects.set(key, { bytes: Buffer.from("{"), etag: "broken" });
    expect(await listRow(bucket, "broken")).toEqual({
      task: "broken",
      error: { code: "json-invalid", message: expect.stringContaining(key) },
    });
    expect(await listRow(bucket, "mood")).toMatchObject({ current: await versionIn(version(1)) });
  });

  it("says which file is missing in a folder that was never trained", async () => {
    await expect(publishTask(bucket, inRoot("nothing"), { wait })).rejects.toMatchObject({
      code: "task-folder-not-found",
      message: expect.stringContaining("manifest.json"),
    });
  });
});

describe("a push that dies", () => {
  it("leaves the old version whole, wherever it dies, and works when repeated", async () => {
    const [old, next] = [version(1), version(2)];
    await publishTask(bucket, old, { wait });
    const oldVersion = await versionIn(old);
    const newVersion = await versionIn(next);
    const outcomes: string[] = [];
    for (let step = 0; outcomes.at(-1) !== "done"; step++) {
      const dying = createMemoryBucket(new Map(bucket.objects));
      let operations = 0;
      dying.before = () => {
        if (operations++ >= step) throw new Error("the process is gone");
      };
      const died = await publishTask(dying, next, { wait }).then(
        () => false,
        () => true,
      );
      const survivor = createMemoryBucket(dying.objects);
      const current = await served(survivor);
      // Only the very last write, the pointer, may have happened before the death.
      expect([oldVersion, newVersion]).toContain(current);
      outcomes.push(died ? (current === oldVersion ? "old" : "new") : "done");
      await publishTask(survivor, next, { wait });
      expect(await served(survivor)).toBe(newVersion);
    }
    // Pointer and manifest of the base, two blobs of head, put and get, and the pointer's get.
    expect(outcomes.slice(0, 9)).toEqual(Array(9).fill("old"));
    expect(outcomes.length).toBeGreaterThan(10);
  });

  it("tries a write again that failed, and notices one that only looked failed", async () => {
    let failures = 0;
    bucket.before = (operation) => {
      if (operation.startsWith("put") && failures++ % 2 === 0)
        throw new Error("Unspecified error (0)");
    };
    bucket.afterWrite = (key) => {
      if (key === taskKey("mood") && failures++ < 8) throw new Error("Unspecified error (0)");
    };
    const result = await publishTask(bucket, version(1), { wait });
    expect(result.isChanged).toBe(true);
    expect(await served(bucket)).toBe(result.version);
    expect((await fetchTaskPointer(bucket, "mood")).versions).toHaveLength(1);
  });

  it("gives up with a code after a bounded number of attempts", async () => {
    const pauses: number[] = [];
    bucket.before = (operation) => {
      if (operation === "putBlob") throw new Error("Unspecified error (0)");
    };
    const attempt = publishTask(bucket, version(1), {
      wait: (ms) => {
        pauses.push(ms);
        return Promise.resolve();
      },
    });
    await expect(attempt).rejects.toMatchObject({ code: "bucket-write-failed" });
    expect(pauses).toEqual([100, 200, 400, 800, 1600]);
  });
});

describe("two pushes at once", () => {
  it("keep both versions in the list", async () => {
    await publishTask(bucket, version(1), { wait });
    const folders = [version(2), version(3), version(4)];
    await Promise.all(folders.map((folder) => publishTask(bucket, folder, { wait })));
    const pointer = await fetchTaskPointer(bucket, "mood");
    const expected = await Promise.all([version(1), ...folders].map(versionIn));
    expect(pointer.versions.map((item) => item.version).sort()).toEqual(expected.sort());
  });
});

describe("rolling back", () => {
  it("goes to the version before the current one, and forward again by name", async () => {
    const versions = await Promise.all([1, 2, 3].map((seed) => versionIn(version(seed))));
    for (const seed of [1, 2, 3]) await publishTask(bucket, version(seed), { wait });
    const back = async (to?: string): Promise<(string | undefined)[]> => {
      const { pointer, before } = await rollbackTask(bucket, "mood", to, wait);
      return [before?.current, pointer.current];
    };
    expect(await back()).toEqual([versions[2], versions[1]]);
    expect(await back()).toEqual([versions[1], versions[0]]);
    expect(await back(versions[2]?.slice(0, 6))).toEqual([versions[0], versions[2]]);
    expect(await served(bucket)).toBe(versions[2]);
  });

  it.each([
    ["mood", undefined, "version-not-found"],
    ["mood", "ffffffffffff", "version-not-found"],
    ["mood", "", "version-ambiguous"],
    ["other", undefined, "task-not-found"],
    ["No Name", undefined, "name-invalid"],
  ])("of %j to %j fails with %s", async (task, to, code) => {
    await publishTask(bucket, version(1), { wait });
    if (to === "") await publishTask(bucket, version(2), { wait });
    await expect(rollbackTask(bucket, task, to, wait)).rejects.toMatchObject({ code });
  });

  it("does not point at a version whose blobs are damaged", async () => {
    const old = version(1);
    await publishTask(bucket, old, { wait });
    const { version: current } = await publishTask(bucket, version(2), { wait });
    const key = blobKey(sha256Hex(readFileSync(join(old, "prefix.safetensors"))));
    bucket.objects.set(key, { bytes: new Uint8Array(3), etag: "damaged" });
    await expect(rollbackTask(bucket, "mood", undefined, wait)).rejects.toMatchObject({
      code: "blob-corrupt",
    });
    expect(await served(bucket)).toBe(current);
  });
});

describe("a blob", () => {
  it("is not sent again when it is there, and replaced when what is there is damaged", async () => {
    const bytes = new Uint8Array([1, 2, 3]);
    expect(await ensureBlob(bucket, bytes, wait)).toBe(true);
    expect(await ensureBlob(bucket, bytes, wait)).toBe(false);
    const key = blobKey(sha256Hex(bytes));
    bucket.objects.set(key, { bytes: new Uint8Array([1, 2, 4]), etag: "damaged" });
    expect(await ensureBlob(bucket, bytes, wait)).toBe(true);
    expect(bucket.objects.get(key)?.bytes).toEqual(bytes);
  });
});

describe("what a push asks of the bucket", () => {
  /** The operations of `run` by kind and key, the test's own base aside. */
  async function asked(run: () => Promise<unknown>): Promise<string[]> {
    const seen: string[] = [];
    bucket.before = (operation, key) => void seen.push(`${operation} ${key}`);
    await run();
    bucket.before = () => undefined;
    return seen.filter((item) => item.includes("blobs/")).sort();
  }
  const keysOf = (folder: string): string[] =>
    ["manifest.json", "prefix.safetensors"].map((file) =>
      blobKey(sha256Hex(readFileSync(join(folder, file)))),
    );
  const baseManifestKey = (): string =>
    blobKey(sha256Hex(readFileSync(inRoot("base", "manifest.json"))));

  it("reads a new blob once, after it was written", async () => {
    const folder = version(1);
    const expected = keysOf(folder).flatMap((key) => [
      `get ${key}`,
      `putBlob ${key}`,
      `stat ${key}`,
    ]);
    expect(await asked(() => publishTask(bucket, folder, { wait }))).toEqual(
      [...expected, `get ${baseManifestKey()}`].sort(),
    );
  });

  it("reads no blob that is there already, of a task or of a base", async () => {
    const folder = version(1);
    await publishTask(bucket, folder, { wait });
    expect(await asked(() => publishTask(bucket, folder, { wait }))).toEqual(
      [...keysOf(folder).map((key) => `stat ${key}`), `get ${baseManifestKey()}`].sort(),
    );
    const files = [
      ...Object.values(base.files).map(({ sha256 }) => blobKey(sha256)),
      baseManifestKey(),
    ];
    expect(await asked(() => publishBase(bucket, inRoot("base"), { wait }))).toEqual(
      files.map((key) => `stat ${key}`).sort(),
    );
  });
});

describe("a damaged version", () => {
  it.each(["prefix.safetensors", "manifest.json"])(
    "with its %s changed under a recorded hash is whole again after a push",
    async (file) => {
      const folder = version(1);
      await publishTask(bucket, folder, { wait });
      const key = blobKey(sha256Hex(readFileSync(join(folder, file))));
      const { bytes } = bucket.objects.get(key)!;
      bucket.objects.set(key, { bytes: bytes.with(9, bytes[9]! ^ 1), etag: "damaged" });
      expect(await publishTask(bucket, folder, { wait })).toMatchObject({ uploaded: 1 });
      expect(bucket.objects.get(key)?.bytes).toEqual(bytes);
    },
  );
});
