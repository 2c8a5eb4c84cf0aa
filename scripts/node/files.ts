/** Reading files that may be missing, and writing files whole or not at all. */
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { NotFoundError } from "../../src/core/errors.ts";
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
 * new one. Folders above it are made. A device or pipe is written to as it is. Throws InputError `disk-full` or `folder-unwritable`.
 */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    if (await isDevice(path)) return await writeFile(path, content);
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw writeError(path, error);
  }
}

/** Whether there is something that is neither a file nor a folder: a device, a pipe. */
async function isDevice(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found !== null && !found.isFile() && !found.isDirectory();
}

/** Each file is written beside its place and renamed, all of them once all are written. */
export async function replaceFiles(
  dir: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const temporary = (name: string): string =>
    join(dir, dirname(name), `.${basename(name)}.${process.pid}.tmp`);
  try {
    for (const [name, bytes] of files) {
      await mkdir(dirname(join(dir, name)), { recursive: true });
      await writeFile(temporary(name), bytes);
    }
    for (const name of files.keys()) await rename(temporary(name), join(dir, name));
  } catch (error) {
    for (const name of files.keys()) await rm(temporary(name), { force: true });
    throw writeError(dir, error);
  }
}

/** Bytes of `folder/name`; throws NotFoundError with `code` when there is no such file. */
export async function readFileOf(folder: string, name: string, code: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, name));
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    const writers = { base: "import or shrink", pretrained: "pretrain" };
    const [, writer] = Object.entries(writers).find(([kind]) => code.startsWith(kind)) ?? [];
    const hint = `${writer ?? "train"} writes it`;
    throw new NotFoundError(code, `${join(folder, name)}: cannot be read (${reason}); ${hint}`, {
      cause,
    });
  }
}
