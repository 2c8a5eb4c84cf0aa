/**
 * The folder of a base. Writing goes to a folder beside the target and ends in one rename, so a
 * killed import leaves no half base. Reading checks every file's hash.
 */
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { InputError, NotFoundError } from "../../src/core/errors.ts";
import { checkFile, readBaseManifest } from "../../src/core/format/manifest.ts";
import { CARD, MANIFEST, graphFilesOf } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { writeError } from "../node/disk.ts";
import { readIfThere } from "../node/files.ts";
import { sha256 } from "../node/hash.ts";

/** Names of the files that a base folder may hold. */
const BASE_FILE =
  /^(manifest\.json|CARD\.md|model\.onnx|weights-\d+\.safetensors|pooler\.safetensors|tokenizer\.json|config\.json)$/;

/**
 * Writes a base, whole or not at all. An existing base at `dir` is replaced; a folder that holds
 * anything else is left alone (InputError `folder-not-empty`). Throws InputError `disk-full` or
 * `folder-unwritable` where it cannot be written.
 */
export async function writeBaseFolder(dir: string, base: Pick<Base, "files">): Promise<void> {
  const target = resolve(dir);
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  await checkReplaceable(target);
  await rm(temporary, { recursive: true, force: true });
  try {
    await mkdir(temporary, { recursive: true });
    for (const [name, bytes] of base.files) await writeFile(join(temporary, name), bytes);
    // Renames only from here on: at no moment is there half a base under the name.
    const old = `${temporary}.old`;
    const replaces = await rename(target, old).then(
      () => true,
      () => false,
    );
    await rename(temporary, target);
    if (replaces) await rm(old, { recursive: true, force: true });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw writeError(dir, error);
  }
}

/** Throws InputError `folder-not-empty` when `dir` holds a file that no base has. */
export async function checkReplaceable(dir: string): Promise<void> {
  const entries: string[] = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new InputError("folder-not-empty", `${dir}: is not a folder (${error.code})`, {
      cause: error,
    });
  });
  const other = entries.find((entry) => !BASE_FILE.test(entry));
  if (other === undefined) return;
  throw new InputError(
    "folder-not-empty",
    `${dir}: holds "${other}", which is no part of a base, and would be replaced; choose an empty or new folder`,
  );
}

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
