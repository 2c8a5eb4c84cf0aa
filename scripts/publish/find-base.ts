/** Where the files of a base that the bucket serves are read from: this machine or the bucket. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { NotFoundError } from "../../src/core/errors.ts";
import { shortIdentity } from "../../src/core/format/manifest.ts";
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import { canonicalJson } from "../../src/core/text.ts";
import type { Base } from "../../src/encoder/base.ts";
import { readBaseFolder } from "../base/base-folder.ts";
import type { PublishBucket } from "./bucket.ts";
import { fetchBase } from "./fetch-base.ts";
import { bundledBaseDir } from "../base/names.ts";
import { readManifestOfBase } from "./publish-base.ts";

/** The files of a base, by its manifest. */
export type FindBase = (manifest: BaseManifest) => Promise<Base>;

export interface FindBaseOptions {
  readonly bucket: PublishBucket;
  /** A base folder that may save the download of the bucket's own. */
  readonly baseDir?: string | undefined;
  /** Takes one line for people. */
  readonly note: (line: string) => void;
}

/**
 * Looks for a folder on this machine with the very files that the manifest lists, the graph included,
 * and downloads them where there is none. A base is found once.
 */
export function findBaseOf({ bucket, baseDir, note }: FindBaseOptions): FindBase {
  const found = new Map<string, Promise<Base>>();
  const find = async (manifest: BaseManifest): Promise<Base> => {
    for (const dir of [baseDir, bundledBaseDir(manifest.name)]) {
      if (dir === undefined || !existsSync(join(dir, "manifest.json"))) continue;
      const own = (await readManifestOfBase(dir)).manifest;
      // A folder of the same identity may have another graph.
      if (own.identity === manifest.identity && filesOf(own) === filesOf(manifest)) {
        return readBaseFolder(dir);
      }
    }
    note(`reading base ${shortIdentity(manifest)} from the bucket to check answers`);
    const base = await fetchBase(bucket, manifest.name);
    if (filesOf(base.manifest) === filesOf(manifest)) return base;
    throw new NotFoundError(
      "base-not-found",
      `base ${shortIdentity(manifest)}: is no longer in the bucket, which now has ${shortIdentity(base.manifest)}; try again`,
    );
  };
  return (manifest) => {
    const key = filesOf(manifest);
    const known = found.get(key) ?? find(manifest);
    found.set(key, known);
    return known;
  };
}

const filesOf = ({ files, builds }: BaseManifest): string => canonicalJson({ files, builds });
