/** Reading files that may be missing, and writing files whole or not at all. */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeError } from "./disk.ts";

/** The bytes of a file, null where there is none. */
export async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Whether an error of Node's file functions says that there is no such file. */
const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT";

/**
 * Writes a file beside its final place and renames it, so that a crash leaves the old file or the
 * new one. Folders above it are made. Throws InputError `disk-full` or `folder-unwritable`.
 */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw writeError(path, error);
  }
}
