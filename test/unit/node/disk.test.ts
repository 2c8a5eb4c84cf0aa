/**
 * Disks that cannot be written. A full one is a number of free bytes that is passed in, and the error
 * that Node's own functions throw then (errno of POSIX); folders that cannot be made are real.
 */
import { execFileSync } from "node:child_process";
import { lstat, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkWritable, unexpectedWriteError, writeError } from "../../../scripts/node/disk.ts";
import { writeWhole } from "../../../scripts/node/files.ts";

let dir: string;
const at = (...path: string[]): string => join(dir, ...path);
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "edge-prefix-disk-"));
  await writeFile(at("file"), "old");
});
afterEach(() => rm(dir, { recursive: true }));

const errno = (code: string): Error => Object.assign(new Error(`${code}: write`), { code });
const free = (bytes: number) => () => Promise.resolve(bytes);

describe("checkWritable", () => {
  test("takes folders and files that are not there yet, and makes none of them", async () => {
    await checkWritable(at("a", "b", "c.html"));
    await checkWritable(at("file"));
    expect(await readdir(dir)).toEqual(["file"]);
  });

  test("refuses a path that leads through a file", async () => {
    await expect(checkWritable(at("file", "report.html"))).rejects.toMatchObject({
      code: "folder-unwritable",
      message: expect.stringContaining("report.html: cannot be written (ENOTDIR)"),
    });
  });

  test("refuses a disk with less room than is needed, and says how much that is", async () => {
    const path = at("out");
    await expect(checkWritable(path, { free: free(64_000) })).rejects.toMatchObject({
      code: "disk-full",
      message: `${path}: cannot be written, the disk is full (0.1 MB are free, at least 4.0 MB are needed); free some space on it, or choose another folder`,
    });
    await checkWritable(path, { bytes: 64_000, free: free(64_000) });
  });
});

describe("an error of a write", () => {
  test.each([
    ["ENOSPC", "disk-full"],
    ["EDQUOT", "disk-full"],
    ["EROFS", "folder-unwritable"],
    ["EACCES", "folder-unwritable"],
  ])("%s names the path and is %s", (system, code) => {
    expect(writeError("a/b", errno(system))).toMatchObject({
      code,
      message: expect.stringMatching(`^a/b: cannot be written.*${system}`),
    });
  });

  test.each([
    ["EACCES", /check the rights of its folder/],
    ["ENOTDIR", /a file is where a folder is needed/],
    ["EEXIST", /a file is where a folder is needed/],
    ["EISDIR", /a folder is where the file is to be written; name a file in it/],
  ])("%s says what is in the way", (system, hint) => {
    expect((writeError("a/b", errno(system)) as Error).message).toMatch(hint);
  });

  test("of another kind stays as it is", () => {
    const error = errno("EMFILE");
    expect(writeError("a", error)).toBe(error);
  });

  test("that was not expected is told from one of a read", () => {
    expect(unexpectedWriteError(errno("ENOSPC"))).toMatchObject({ code: "disk-full" });
    const read = errno("EACCES");
    expect(unexpectedWriteError(read)).toBe(read);
  });
});

test("a file that cannot be written leaves nothing beside its place", async () => {
  await expect(writeWhole(at("file", "new"), "text")).rejects.toMatchObject({
    code: "folder-unwritable",
    message: expect.stringContaining(at("file", "new")),
  });
  expect(await readdir(dir)).toEqual(["file"]);
});

test.skipIf(process.platform === "win32")(
  "a pipe is written to, not replaced by a file",
  async () => {
    execFileSync("mkfifo", [at("pipe")]);
    const [read] = await Promise.all([
      readFile(at("pipe"), "utf8"),
      writeWhole(at("pipe"), "text"),
    ]);
    expect(read).toBe("text");
    expect((await lstat(at("pipe"))).isFIFO()).toBe(true);
    expect(await readdir(dir)).toEqual(["file", "pipe"]);
  },
);
