/** A push that would change the kind of a task's answers under its clients. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256Hex } from "../../../scripts/node/hash.ts";
import { publishTask } from "../../../scripts/publish/publish-task.ts";
import { readTaskFolder } from "../../../scripts/task/task-folder.ts";
import { fetchTaskPointer } from "../../../scripts/publish/task-pointer.ts";
import { blobKey } from "../../../src/core/format/keys.ts";
import type { TaskManifest } from "../../../src/core/format/manifest.ts";
import { writeTaskFolder } from "../../support/folders.ts";
import { startPublishing, wait } from "../../support/publishing.ts";
import type { Publishing } from "../../support/publishing.ts";

let { bucket, base, inRoot, version, remove } = {} as Publishing;
beforeEach(async () => {
  ({ bucket, base, inRoot, version, remove } = await startPublishing("changed-answers"));
});
afterEach(() => remove());

const versionIn = async (folder: string): Promise<string> => (await readTaskFolder(folder)).version;

describe("a task whose answers would be of another kind", () => {
  /** A version of "mood" with another manifest. */
  function changed(changes: Partial<TaskManifest>, labels = ["low", "high"]): string {
    const folder = inRoot("changed");
    const manifest = writeTaskFolder(folder, base, { seed: 5, labels });
    writeFileSync(join(folder, "manifest.json"), JSON.stringify({ ...manifest, ...changes }));
    return folder;
  }
  const cases: [string, () => string, RegExp][] = [
    [
      "another type",
      () => changed({ type: "token", pooling: "none" }),
      /its type is token instead of sequence/,
    ],
    [
      "another problem type",
      () => changed({ problem_type: "multi_label_classification" }),
      /its problem_type is multi_label_classification instead of/,
    ],
    ["a label more", () => changed({}, ["low", "high", "odd"]), /has the new labels "odd"; /],
    [
      "other labels",
      () => changed({}, ["low", "tall"]),
      /has the new labels "tall", it lacks the labels "high"; .*--allow-change/,
    ],
  ];

  it.each(cases)("with %s is refused until that is allowed", async (_, folder, message) => {
    await publishTask(bucket, version(1), { wait });
    const next = folder();
    const before = new Map(bucket.objects);
    for (const canaryPercent of [undefined, 5]) {
      await expect(publishTask(bucket, next, { wait, canaryPercent })).rejects.toMatchObject({
        code: "task-changed",
        message: expect.stringMatching(message) as string,
      });
    }
    expect(new Map(bucket.objects)).toEqual(before);
    expect(await publishTask(bucket, next, { wait, allowsChange: true })).toMatchObject({
      isChanged: true,
    });
  });

  it("is not meant where the labels stand in another order, or nothing is live", async () => {
    await publishTask(bucket, changed({}, ["high", "low"]), { wait });
    await publishTask(bucket, version(1), { wait });
    expect((await fetchTaskPointer(bucket, "mood")).current).toBe(await versionIn(version(1)));
  });

  it("repairs a live version that cannot be read, without asking", async () => {
    const folder = version(1);
    await publishTask(bucket, folder, { wait });
    bucket.objects.delete(blobKey(sha256Hex(readFileSync(join(folder, "manifest.json")))));
    expect(await publishTask(bucket, changed({}, ["a", "b"]), { wait })).toMatchObject({
      isChanged: true,
    });
  });
});
