/**
 * A lock on an output folder, so that two runs at once do not write over each other. It is a file
 * that names its process. A lock is given up when its process no longer runs on this machine, or when
 * nothing has touched the file for some minutes: a crash or a power cut leaves no folder locked.
 */
import { mkdir, open, rename, rm, rmdir, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { InputError } from "../../src/core/errors.ts";
import { parseJson } from "../../src/core/text.ts";
import { checkWritable, writeError } from "./disk.ts";
import { readIfThere } from "./files.ts";

export const LOCK = ".lock.json";

/** How often the owner touches its lock, and how old an untouched one is taken for abandoned. */
const TOUCH_EVERY_MS = 20_000;
const ABANDONED_MS = 300_000;
/** A lock without an owner is being written, or was cut off while it was. */
const WRITTEN_WITHIN_MS = 10_000;

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly started: string;
}

/**
 * Runs `use` while this process alone holds the lock of `dir`, which is made when missing. Throws
 * InputError `folder-locked` when another process holds it, `folder-unwritable` or `disk-full` when no
 * file can be written there: before anything is trained, not after.
 */
export async function withFolderLock<T>(dir: string, use: () => Promise<T>): Promise<T> {
  const path = join(dir, LOCK);
  const made = await missingFolders(dir);
  await checkWritable(dir);
  await takeLock(dir, path);
  const touching = setInterval(() => {
    const now = new Date();
    // The folder may be gone: then there is nothing to lock any more.
    utimes(path, now, now).catch(() => {});
  }, TOUCH_EVERY_MS);
  touching.unref();
  try {
    return await use();
  } finally {
    clearInterval(touching);
    await rm(path, { force: true });
    // Nothing was written: a mistyped command line leaves no folder. One that holds files stays.
    for (const folder of made) await rmdir(folder).catch(() => {});
  }
}

/** `dir` and the folders above it that do not exist yet, the deepest first. */
async function missingFolders(dir: string): Promise<string[]> {
  const missing: string[] = [];
  for (let at = resolve(dir); !(await isThere(at)); at = dirname(at)) missing.push(at);
  return missing;
}

async function takeLock(dir: string, path: string): Promise<void> {
  const owner: Owner = {
    pid: process.pid,
    host: hostname(),
    started: new Date().toISOString(),
  };
  while (!(await createLock(dir, path, owner))) {
    const found = await readOwner(path);
    if (!(await isAbandoned(path, found))) {
      const who = found
        ? `process ${found.pid} on ${found.host} has been writing here since ${found.started}`
        : "another process is about to write here";
      throw new InputError(
        "folder-locked",
        `${dir}: ${who}; wait for it, or choose another folder (${path} is its lock)`,
      );
    }
    // Renamed first: of two processes that find it abandoned, only one removes it.
    const old = `${path}.${process.pid}.old`;
    await rename(path, old).catch(() => {});
    await rm(old, { force: true });
  }
}

/** False when the lock exists. */
async function createLock(dir: string, path: string, owner: Owner): Promise<boolean> {
  try {
    await mkdir(dir, { recursive: true });
    const file = await open(path, "wx");
    try {
      await file.writeFile(`${JSON.stringify(owner)}\n`);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await isThere(path))) return false;
    throw writeError(dir, error);
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Null for a lock that is gone by now, or that was cut off while it was written. */
async function readOwner(path: string): Promise<Owner | null> {
  const bytes = await readIfThere(path);
  try {
    return bytes && (parseJson(bytes, path) as Owner);
  } catch {
    return null;
  }
}

async function isAbandoned(path: string, owner: Owner | null): Promise<boolean> {
  if (owner?.host === hostname() && !isRunning(owner.pid)) return true;
  const found = await stat(path).catch(() => null);
  const most = owner ? ABANDONED_MS : WRITTEN_WITHIN_MS;
  return found === null || Date.now() - found.mtimeMs > most;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user cannot be signalled, but runs.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
