/** What tests of publishing begin with: a small base, published into a bucket in memory. */
import { join } from "node:path";
import { publishBase } from "../../scripts/publish/publish-base.ts";
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import { temporaryFolder, writePaperBase, writeTaskFolder } from "./folders.ts";
import { createMemoryBucket } from "./memory-bucket.ts";
import type { MemoryBucket } from "./memory-bucket.ts";

export interface Publishing {
  readonly bucket: MemoryBucket;
  readonly base: BaseManifest;
  /** A path inside of the test's own folder. */
  readonly inRoot: (...path: string[]) => string;
  /** Writes a version of a task, "mood" unless named, and returns its folder. */
  readonly version: (seed: number, task?: string) => string;
  /** Removes the folder. */
  readonly remove: () => void;
}

/** A pause that returns at once, so that no test waits. */
export const wait = (): Promise<void> => Promise.resolve();

export async function startPublishing(name: string): Promise<Publishing> {
  const root = temporaryFolder(name);
  const inRoot = (...path: string[]): string => join(root.path, ...path);
  const bucket = createMemoryBucket();
  const base = await writePaperBase(inRoot("base"));
  await publishBase(bucket, inRoot("base"), { wait });
  return {
    bucket,
    base,
    inRoot,
    version(seed, task = "mood") {
      const folder = inRoot(`${task}-${seed}`);
      writeTaskFolder(folder, base, { seed, task });
      return folder;
    },
    remove: () => root.remove(),
  };
}
