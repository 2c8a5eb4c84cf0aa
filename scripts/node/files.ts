/** Reading files that may be missing, and writing files whole or not at all. */
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { InputError, NotFoundError } from "../../src/core/errors.ts";
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

/** What a folder may hold that is replaced as a whole. */
export interface OwnEntries {
  owns(entry: string): boolean;
  /** What the folder is, for the error: "a base". */
  readonly what: string;
}

/**
 * Replaces a folder as a whole: `files` by their paths in it are written to a folder beside it, which
 * is renamed at the end, so a run that is killed leaves the old folder or the new one. A folder that
 * holds anything else is left alone (InputError `folder-not-empty`). Throws InputError `disk-full` or
 * `folder-unwritable` where it cannot be written.
 */
export async function replaceFolder(
  dir: string,
  files: ReadonlyMap<string, Uint8Array>,
  own: OwnEntries,
): Promise<void> {
  const target = resolve(dir);
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  await checkReplaceable(target, own);
  await rm(temporary, { recursive: true, force: true });
  try {
    await mkdir(temporary, { recursive: true });
    for (const [name, bytes] of files) {
      await mkdir(dirname(join(temporary, name)), { recursive: true });
      await writeFile(join(temporary, name), bytes);
    }
    // Renames only from here on: at no moment is there half a folder under the name.
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

/** Throws InputError `folder-not-empty` when `dir` holds an entry of another kind. */
export async function checkReplaceable(dir: string, { owns, what }: OwnEntries): Promise<void> {
  const entries: string[] = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new InputError("folder-not-empty", `${dir}: is not a folder (${error.code})`, {
      cause: error,
    });
  });
  const other = entries.find((entry) => !owns(entry));
  if (other === undefined) return;
  throw new InputError(
    "folder-not-empty",
    `${dir}: holds "${other}", which is no part of ${what}, and would be replaced; choose an empty or new folder`,
  );
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
