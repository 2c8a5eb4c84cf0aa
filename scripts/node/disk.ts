/**
 * Disks that cannot be written: asked before the work whose result is to be written there, and said
 * in words when a write fails after all. The system's own error of a full disk names no path.
 */
import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { InputError } from "../../src/core/errors.ts";

/** Room for what the smallest run writes: its saved state, a prefix and a report. */
const LEAST_BYTES = 4_000_000;

/** Bytes that the file system of a folder has left; passed in by tests. */
export type FreeBytes = (folder: string) => Promise<number>;

const freeBytes: FreeBytes = async (folder) => {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
};

/**
 * Checks that a file or folder can be written at `path`, and leaves nothing there. Throws InputError
 * `disk-full` where fewer than `bytes` are free, `folder-unwritable` for a read-only file system, for
 * missing rights, and for a path that leads through a file.
 */
export async function checkWritable(
  path: string,
  { bytes = LEAST_BYTES, free = freeBytes }: { bytes?: number; free?: FreeBytes } = {},
): Promise<void> {
  const folder = await nearestFolder(resolve(path));
  await access(folder, constants.W_OK).catch((error: unknown) => {
    throw writeError(path, error);
  });
  const left = await free(folder);
  if (left < bytes) {
    throw full(path, `${megabytes(left)} are free, at least ${megabytes(bytes)} are needed`);
  }
}

/** The folder that a file at `path` would be made in, as far as it exists. */
async function nearestFolder(path: string): Promise<string> {
  const parent = dirname(path);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" && parent !== path) return null;
    throw writeError(path, error);
  });
  if (found === null) return nearestFolder(parent);
  return found.isDirectory() ? path : parent;
}

const FULL = ["ENOSPC", "EDQUOT"];
const RIGHTS =
  "check the rights of its folder and that the disk is not read-only, or choose another folder";
const FILE_IN_THE_WAY = "a file is where a folder is needed; choose another folder";
/** What helps, by the system's code. */
const UNWRITABLE: Readonly<Record<string, string>> = {
  EROFS: RIGHTS,
  EACCES: RIGHTS,
  EPERM: RIGHTS,
  ENOENT: RIGHTS,
  ENOTDIR: FILE_IN_THE_WAY,
  EEXIST: FILE_IN_THE_WAY,
  EISDIR: "a folder is where the file is to be written; name a file in it",
};

/** The error of a failed write to `path`, in words; an error of another kind as it is. */
export function writeError(path: string, error: unknown): unknown {
  const code = codeOf(error);
  if (FULL.includes(code)) return full(path, code, error);
  const hint = UNWRITABLE[code];
  if (hint === undefined) return error;
  return new InputError("folder-unwritable", `${path}: cannot be written (${code}); ${hint}`, {
    cause: error,
  });
}

/**
 * The error of a write that no code of this project expected to fail, in words. Only what no reading
 * can meet is translated; any other error is returned as it is.
 */
export function unexpectedWriteError(error: unknown): unknown {
  if (![...FULL, "EROFS"].includes(codeOf(error))) return error;
  return writeError((error as NodeJS.ErrnoException).path ?? "a file", error);
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "";

const full = (path: string, found: string, cause?: unknown): InputError =>
  new InputError(
    "disk-full",
    `${path}: cannot be written, the disk is full (${found}); free some space on it, or choose another folder`,
    { cause },
  );

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
