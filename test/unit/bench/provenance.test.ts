/** Where a measurement comes from: the commit, and whether what was measured differs from it. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { commitOf } from "../../../bench/provenance.ts";
import { temporaryFolder } from "../../support/folders.ts";

const folder = temporaryFolder("provenance");
afterAll(() => folder.remove());

test("a commit is called dirty for a changed source, not for results that the bench writes", async () => {
  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b.c", ...args], {
      cwd: folder.path,
      encoding: "utf8",
    });
  const write = (path: string, text: string): void => writeFileSync(join(folder.path, path), text);
  mkdirSync(join(folder.path, "bench/results"), { recursive: true });
  write("bench/results/a.json", "1");
  write("bench/a.ts", "1");
  git("init", "-q");
  git("add", ".");
  git("commit", "-q", "-m", "first");
  const commit = git("rev-parse", "--short", "HEAD").trim();
  write("bench/results/a.json", "2");
  expect(await commitOf(join(folder.path, "bench"))).toBe(commit);
  write("bench/a.ts", "2");
  expect(await commitOf(join(folder.path, "bench"))).toBe(`${commit}-dirty`);
});
