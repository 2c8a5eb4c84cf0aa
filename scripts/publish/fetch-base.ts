/** A whole base out of the bucket, in the shape that a folder gives: every file by its hash. */
import { FormatError } from "../../src/core/errors.ts";
import { blobKey } from "../../src/core/format/keys.ts";
import { checkFile, shortIdentity } from "../../src/core/format/manifest.ts";
import { MANIFEST, graphFilesOf } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { sha256 } from "../node/hash.ts";
import type { PublishBucket } from "./bucket.ts";
import { fetchPublishedBase } from "./publish-base.ts";
import { mapLimited } from "../../src/core/concurrency.ts";

const DOWNLOADS_AT_ONCE = 4;

/**
 * Reads all files of the base with this name, its manifest included. Throws FormatError
 * `blob-corrupt` or `file-hash-mismatch`, and what `fetchPublishedBase` throws.
 */
export async function fetchBase(bucket: PublishBucket, base: string): Promise<Base> {
  const { manifest, manifestBytes } = await fetchPublishedBase(bucket, base);
  const subject = `base ${shortIdentity(manifest)}`;
  const files = await mapLimited(
    Object.entries(manifest.files),
    DOWNLOADS_AT_ONCE,
    async ([name, ref]): Promise<[string, Uint8Array]> => {
      const object = await bucket.get(blobKey(ref.sha256));
      if (!object) {
        throw new FormatError(
          "blob-corrupt",
          `${subject}: its ${name} is missing in the bucket; push the base again with --base DIR`,
        );
      }
      await checkFile(`${subject}: ${name}`, object.bytes, ref, sha256);
      return [name, object.bytes];
    },
  );
  const all = new Map([...files, [MANIFEST, manifestBytes] as const]);
  return { manifest, files: all, graphFiles: graphFilesOf(manifest, all) };
}
