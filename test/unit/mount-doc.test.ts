/** docs/mount.md shows the Worker that test/worker/mount.test.ts runs, and not another. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const read = (path: string): string =>
  readFileSync(join(import.meta.dirname, "..", "..", path), "utf8");

test("the example in docs/mount.md is the tested file", () => {
  const [, shown] = /```ts\n([\s\S]*?)```/.exec(read("docs/mount.md")) ?? [];
  const tested = read("test/worker/mounted-worker.ts").replace(/^\/\*\*.*\*\/\n/, "");
  expect(shown).toBe(tested);
});
