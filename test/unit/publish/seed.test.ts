/** What a start puts into the bucket: what is new or damaged, and nothing that a person has decided. */
import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rollbackTask } from "../../../scripts/publish/move-task.ts";
import { fetchBaseManifest } from "../../../scripts/publish/publish-base.ts";
import { publishTask } from "../../../scripts/publish/publish-task.ts";
import { readTaskFolder } from "../../../scripts/task/task-folder.ts";
import { seed } from "../../../scripts/publish/seed.ts";
import { fetchTaskPointer } from "../../../scripts/publish/task-pointer.ts";
import { baseKey, taskKey } from "../../../src/core/format/keys.ts";
import { writePaperBase, writeTaskFolder } from "../../support/folders.ts";
import { createMemoryBucket } from "../../support/memory-bucket.ts";
import type { MemoryBucket } from "../../support/memory-bucket.ts";
import { startPublishing, wait } from "../../support/publishing.ts";
import type { Publishing } from "../../support/publishing.ts";

let { bucket, base, inRoot, version, remove } = {} as Publishing;
beforeEach(async () => {
  ({ bucket, base, inRoot, version, remove } = await startPublishing("seed"));
});
afterEach(() => remove());

const versionIn = async (folder: string): Promise<string> => (await readTaskFolder(folder)).version;

const current = async (from: MemoryBucket): Promise<string> =>
  (await fetchTaskPointer(from, "mood")).current;

describe("seeding", () => {
  it("repairs pointers that cannot be read", async () => {
    version(1);
    const fresh = createMemoryBucket();
    await seed(fresh, inRoot("base"), [version(1)], () => undefined);
    const damaged = { bytes: Buffer.from("{broken"), etag: "damaged" };
    fresh.objects.set(taskKey("mood"), damaged).set(baseKey(base.name), damaged);
    await seed(fresh, inRoot("base"), [version(1)], () => undefined);
    expect((await fetchBaseManifest(fresh, base.name)).identity).toBe(base.identity);
    expect(await current(fresh)).toBe(await versionIn(version(1)));
  });

  it("repairs blobs that are damaged, and says which task was", async () => {
    const fresh = createMemoryBucket();
    await seed(fresh, inRoot("base"), [version(1)], () => undefined);
    const whole = new Map(fresh.objects);
    for (const key of whole.keys()) {
      if (key.startsWith("blobs/")) fresh.objects.set(key, { bytes: Buffer.from("x"), etag: "e" });
    }
    const lines: string[] = [];
    await seed(fresh, inRoot("base"), [version(1)], (line) => void lines.push(line));
    for (const [key, { bytes }] of whole) expect(fresh.objects.get(key)?.bytes, key).toEqual(bytes);
    expect(lines.some((line) => line.startsWith("repaired task mood"))).toBe(true);
  });

  it("stores base and tasks once, and skips what was made for another base", async () => {
    const other = await writePaperBase(inRoot("other"), { name: "other", seed: 2 });
    writeTaskFolder(inRoot("prefixes", "mood"), base);
    writeTaskFolder(inRoot("prefixes", "foreign"), other, { task: "foreign" });
    const fresh = createMemoryBucket();
    const lines: string[] = [];
    const folders = ["foreign", "mood", "untrained"].map((name) => inRoot("prefixes", name));
    const first = await seed(fresh, inRoot("base"), folders, (line) => lines.push(line));
    expect(first.tasks.map((item) => item.task)).toEqual(["mood"]);
    expect(lines).toEqual([
      expect.stringMatching(/^storing base paper@/),
      expect.stringMatching(/^skipped task foreign: .* base other@/),
      expect.stringMatching(/^stored task mood /),
    ]);
    lines.length = 0;
    await seed(fresh, inRoot("base"), folders, (line) => lines.push(line));
    expect(lines).toEqual([expect.stringContaining("skipped task foreign")]);
  });

  it("does not undo a rollback", async () => {
    writeTaskFolder(inRoot("prefixes", "mood"), base, { seed: 2 });
    await publishTask(bucket, version(1), { wait });
    await seed(bucket, inRoot("base"), [inRoot("prefixes", "mood")], () => undefined);
    const rolledBack = (await rollbackTask(bucket, "mood", undefined, wait)).pointer.current;
    await seed(bucket, inRoot("base"), [inRoot("prefixes", "mood")], () => undefined);
    expect(await current(bucket)).toBe(rolledBack);
  });

  it("goes on when one task folder is damaged", async () => {
    writeTaskFolder(inRoot("prefixes", "a-bad"), base, { task: "bad" });
    writeFileSync(inRoot("prefixes", "a-bad", "prefix.safetensors"), "not a prefix");
    writeTaskFolder(inRoot("prefixes", "good"), base, { task: "good" });
    const lines: string[] = [];
    const folders = ["a-bad", "good"].map((name) => inRoot("prefixes", name));
    const seeded = await seed(bucket, inRoot("base"), folders, (line) => lines.push(line));
    expect(seeded.tasks.map((item) => item.task)).toEqual(["good"]);
    expect(lines[0]).toContain("error [file-hash-mismatch]");
  });
});
