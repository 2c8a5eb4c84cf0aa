/** The build of dist/page, beside a server that gives the files out and other builds. */
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { buildPage } from "../../../scripts/dev/page.ts";
import { temporaryFolder } from "../../support/folders.ts";

const folder = temporaryFolder("page");
afterAll(() => folder.remove());

/** A file that is written anew has another inode: it was renamed to its place. */
const inodes = (): Record<string, number> =>
  Object.fromEntries(
    readdirSync(folder.path).map((name) => [name, statSync(join(folder.path, name)).ino]),
  );

test("only writes what has changed, and removes what is no part of the page any more", async () => {
  await buildPage(folder.path);
  const before = inodes();
  expect(Object.keys(before)).toEqual(expect.arrayContaining(["index.html", "page.js"]));
  expect(Object.keys(before).filter((name) => name.endsWith(".tmp"))).toEqual([]);

  writeFileSync(join(folder.path, "page.css"), "body { color: red }");
  writeFileSync(join(folder.path, "page-old-ABCDEFGH.js"), "");
  await buildPage(folder.path);
  const { "page.css": _, ...same } = before;
  expect(inodes()).toMatchObject(same);
  expect(Object.keys(inodes()).sort()).toEqual(Object.keys(before).sort());
  expect(statSync(join(folder.path, "page.css")).size).not.toBe("body { color: red }".length);
});
