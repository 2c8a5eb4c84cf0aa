/**
 * Puts a base and tasks into an empty or outdated bucket. What is there already is recognised by its
 * hashes and left alone, and so is a version that was rolled back to: a start must not undo a
 * person's decision.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EdgePrefixError } from "../../src/core/errors.ts";
import { taskKey } from "../../src/core/format/keys.ts";
import { shortIdentity } from "../../src/core/format/manifest.ts";
import type { BaseManifest, TaskManifest } from "../../src/core/format/manifest.ts";
import { readFileOf } from "../node/files.ts";
import { ensureBlob } from "./bucket.ts";
import type { PublishBucket } from "./bucket.ts";
import { isBasePublished, publishBase, readManifestOfBase } from "./publish-base.ts";
import type { ImageMaker } from "./publish-base.ts";
import { publishTask } from "./publish-task.ts";
import { readTaskFolder } from "../task/task-folder.ts";
import { readablePointer } from "./task-pointer.ts";

export interface Seeded {
  readonly base: BaseManifest;
  /** The given tasks that this base serves. */
  readonly tasks: readonly TaskManifest[];
}

/**
 * Seeds `bucket` from a base folder and task folders; a folder without a trained task is passed over.
 * `say` gets one line a change.
 */
export async function seed(
  bucket: PublishBucket,
  baseFolder: string,
  taskFolders: readonly string[],
  say: (line: string) => void,
  images?: ImageMaker,
): Promise<Seeded> {
  const base = await readManifestOfBase(baseFolder);
  if (!(await isBasePublished(bucket, base, images?.runtime))) {
    say(`storing base ${shortIdentity(base.manifest)}`);
    await publishBase(bucket, baseFolder, { images });
  }
  const tasks: TaskManifest[] = [];
  for (const folder of taskFolders.filter(isTrained)) {
    try {
      const manifest = await seedTask(bucket, folder, base.manifest, say);
      if (manifest) tasks.push(manifest);
    } catch (error) {
      // One bad task folder must not keep the others from being served.
      if (!(error instanceof EdgePrefixError)) throw error;
      say(`skipped ${folder}: error [${error.code}]: ${error.message}`);
    }
  }
  return { base: base.manifest, tasks };
}

/** Whether a folder holds a trained task. */
export const isTrained = (folder: string): boolean => existsSync(join(folder, "manifest.json"));

async function seedTask(
  bucket: PublishBucket,
  folder: string,
  base: BaseManifest,
  say: (line: string) => void,
): Promise<TaskManifest | null> {
  const { manifest, manifestBytes, version } = await readTaskFolder(folder);
  if (manifest.base.identity !== base.identity) {
    say(`skipped task ${manifest.task}: it was trained for base ${shortIdentity(manifest.base)}`);
    return null;
  }
  const key = taskKey(manifest.task);
  const pointer = await bucket.get(key);
  const known = pointer && readablePointer(pointer.bytes, key)?.versions;
  if (!known?.some((item) => item.version === version)) {
    // A bundled task may have other labels in this release than in the one before.
    await publishTask(bucket, folder, { allowsChange: true });
    say(`stored task ${manifest.task} ${version}`);
  } else {
    // The pointer stays where a person has put it; the files that it leads to must be there.
    const prefix = await readFileOf(folder, "prefix.safetensors", "task-folder-not-found");
    const stored = [await ensureBlob(bucket, manifestBytes), await ensureBlob(bucket, prefix)];
    if (stored.includes(true)) say(`repaired task ${manifest.task} ${version}`);
  }
  return manifest;
}
