/**
 * The folder of a base. Writing goes to a folder beside the target and ends in one rename, so a
 * killed import leaves no half base. Reading checks every file's hash.
 */
import { join } from "node:path";
import { NotFoundError } from "../../src/core/errors.ts";
import { checkFile, readBaseManifest } from "../../src/core/format/manifest.ts";
import { CARD, MANIFEST, graphFilesOf } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { checkReplaceable, readIfThere, replaceFolder } from "../node/files.ts";
import { sha256 } from "../node/hash.ts";

/** Names of the files that a base folder may hold. */
const BASE_FILE =
  /^(manifest\.json|CARD\.md|model\.onnx|weights-\d+\.safetensors|pooler\.safetensors|tokenizer\.json|config\.json|model\.sig)$/;

const OWN_ENTRIES = { owns: (entry: string): boolean => BASE_FILE.test(entry), what: "a base" };

/**
 * Writes a base, whole or not at all. An existing base at `dir` is replaced; a folder that holds
 * anything else is left alone (InputError `folder-not-empty`). Throws InputError `disk-full` or
 * `folder-unwritable` where it cannot be written.
 */
export const writeBaseFolder = (dir: string, base: Pick<Base, "files">): Promise<void> =>
  replaceFolder(dir, base.files, OWN_ENTRIES);

/** Throws InputError `folder-not-empty` when `dir` holds a file that no base has. */
export const checkBaseReplaceable = (dir: string): Promise<void> =>
  checkReplaceable(dir, OWN_ENTRIES);

/** Reads a base folder and checks every file against the manifest. */
export async function readBaseFolder(dir: string): Promise<Base> {
  const manifestBytes = await readIfThere(join(dir, MANIFEST));
  if (!manifestBytes) {
    throw new NotFoundError(
      "base-not-found",
      `base ${dir}: has no ${MANIFEST}; make one with \`edge-prefix import\``,
    );
  }
  const manifest = await readBaseManifest(manifestBytes, sha256, join(dir, MANIFEST));
  const files = new Map<string, Uint8Array>([[MANIFEST, manifestBytes]]);
  for (const [name, ref] of Object.entries(manifest.files)) {
    const bytes = await readIfThere(join(dir, name));
    if (!bytes) {
      throw new NotFoundError(
        "base-incomplete",
        `base ${dir}: has no ${name}, which its manifest lists; import it again`,
      );
    }
    await checkFile(join(dir, name), bytes, ref, sha256);
    files.set(name, bytes);
  }
  const card = await readIfThere(join(dir, CARD));
  if (card) files.set(CARD, card);
  return { manifest, files, graphFiles: graphFilesOf(manifest, files) };
}
