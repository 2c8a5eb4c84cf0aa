/** Of two processes only one writes into a folder, and a crash leaves no folder locked. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, readdir, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LOCK, withFolderLock } from "../../../scripts/node/folder-lock.ts";

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), "edge-prefix-lock-"));

/** A lock in a new folder, last touched so many minutes ago. */
async function locked(owner: object | string, minutes = 0): Promise<string> {
  const dir = await folder();
  const path = join(dir, LOCK);
  await writeFile(path, typeof owner === "string" ? owner : JSON.stringify(owner));
  const time = new Date(Date.now() - 60_000 * minutes);
  await utimes(path, time, time);
  return dir;
}

/** The number of a process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await once(child, "exit");
  return child.pid!;
}

const started = "2026-01-01T00:00:00.000Z";

test("is held while the work lasts, also when it fails", async () => {
  const dir = await folder();
  const during = await withFolderLock(dir, async () => readFile(join(dir, LOCK), "utf8"));
  expect(JSON.parse(during)).toMatchObject({ pid: process.pid, host: hostname() });
  await expect(withFolderLock(dir, () => Promise.reject(new Error("no data")))).rejects.toThrow(
    "no data",
  );
  expect(await readdir(dir)).toEqual([]);
});

test("refuses a second run, naming the first", async () => {
  const dir = await folder();
  await withFolderLock(dir, async () => {
    await expect(withFolderLock(dir, async () => 0)).rejects.toMatchObject({
      code: "folder-locked",
      message: expect.stringContaining(`process ${process.pid} on ${hostname()}`),
    });
  });
});

test("of a process that ended without giving it back is taken", async () => {
  const dir = await locked({ pid: await endedProcess(), host: hostname(), started });
  expect(await withFolderLock(dir, async () => 7)).toBe(7);
  expect(await readdir(dir)).toEqual([]);
});

test("of another machine is respected while it is touched, and taken when it no longer is", async () => {
  const owner = { pid: 1, host: "another", started };
  await expect(withFolderLock(await locked(owner, 1), async () => 0)).rejects.toMatchObject({
    code: "folder-locked",
  });
  expect(await withFolderLock(await locked(owner, 10), async () => 7)).toBe(7);
});

test("that was cut off while it was written is taken when it was not written just now", async () => {
  const cutOff = `{"pid":`;
  await expect(withFolderLock(await locked(cutOff), async () => 0)).rejects.toMatchObject({
    code: "folder-locked",
  });
  expect(await withFolderLock(await locked(cutOff, 1), async () => 7)).toBe(7);
});

test("leaves no folder where nothing was written, and keeps one with files", async () => {
  const dir = await folder();
  await withFolderLock(join(dir, "new"), async () => 0);
  expect(existsSync(join(dir, "new"))).toBe(false);
  await withFolderLock(join(dir, "kept"), () => writeFile(join(dir, "kept", "a"), ""));
  expect(await readdir(join(dir, "kept"))).toEqual(["a"]);
});

test("leaves none of the folders above it, either, that were made for it", async () => {
  const above = await folder();
  const none = () => Promise.reject(new Error("no data"));
  await expect(withFolderLock(join(above, "prefixes", "mood"), none)).rejects.toThrow("no data");
  expect(await readdir(above)).toEqual([]);
});

test("says at once that a folder cannot be written", async () => {
  const dir = await folder();
  await writeFile(join(dir, "file"), "");
  await expect(withFolderLock(join(dir, "file"), async () => 0)).rejects.toMatchObject({
    code: "folder-unwritable",
  });
});

// The superuser may write everywhere.
test.skipIf(process.getuid?.() === 0)("says at once that a folder is read-only", async () => {
  const dir = await folder();
  await chmod(dir, 0o500);
  await expect(withFolderLock(dir, async () => 0)).rejects.toMatchObject({
    code: "folder-unwritable",
    message: expect.stringContaining("EACCES"),
  });
});
