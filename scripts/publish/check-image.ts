/**
 * Checks the session image of a base in the bucket: the memory of a runtime that has loaded the base,
 * from which a Worker starts without reading the graph. A wrong image gives wrong answers although
 * graph and weights are good, so it is made again here and compared byte for byte.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError } from "../../src/core/errors.ts";
import { blobKey } from "../../src/core/format/keys.ts";
import { checkFile } from "../../src/core/format/manifest.ts";
import { MANIFEST } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { writeBaseFolder } from "../base/base-folder.ts";
import { sha256, sha256Hex } from "../node/hash.ts";
import type { PublishBucket } from "./bucket.ts";
import type { ImageMaker, BaseInBucket } from "./publish-base.ts";

/**
 * What was found: no image; one that is what this release makes; one made on another release of the
 * runtime, of which only the hash could be checked.
 */
export type ImageState = "none" | "good" | "other-runtime";

/**
 * An image names the manifest that it belongs to by its bytes, so the image is made anew with those of
 * the bucket; `files` may be of a folder with another manifest of the same files. Throws FormatError
 * `blob-corrupt` or `file-hash-mismatch` for an image that is missing or damaged, `image-mismatch` for
 * one of other content.
 */
export async function checkImage(
  bucket: PublishBucket,
  { pointer, manifest, manifestBytes }: BaseInBucket,
  { files }: Pick<Base, "files">,
  images: ImageMaker,
): Promise<ImageState> {
  const ref = pointer.session_image;
  if (ref === null) return "none";
  const subject = `base "${manifest.name}": session image`;
  const object = await bucket.get(blobKey(ref.sha256));
  if (!object) {
    throw new FormatError(
      "blob-corrupt",
      `${subject}: is missing in the bucket; push the base again with --base DIR`,
    );
  }
  await checkFile(subject, object.bytes, ref, sha256);
  if (ref.runtime !== images.runtime) return "other-runtime";
  const made = await makeImage(new Map(files).set(MANIFEST, manifestBytes), images);
  if (made !== null && sha256Hex(made) === ref.sha256) return "good";
  throw new FormatError(
    "image-mismatch",
    `${subject}: is not what the base's graph gives when it is loaded, so a Worker would answer wrongly from it; push the base again with --base DIR`,
  );
}

async function makeImage(files: Base["files"], images: ImageMaker): Promise<Uint8Array | null> {
  const folder = await mkdtemp(join(tmpdir(), "edge-prefix-image-"));
  try {
    await writeBaseFolder(join(folder, "base"), { files });
    return await images.make(join(folder, "base"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
