/** docs/mount.md shows the Worker that test/worker/mount.test.ts runs, and not another. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PACKAGE } from "../../scripts/node/project.ts";
import { shownFiles, typedLines } from "../support/mount-page.ts";

test("the Worker in docs/mount.md is the tested file", () => {
  const tested = readFileSync(join(PACKAGE, "test", "worker", "mounted-worker.ts"), "utf8");
  expect(shownFiles.get("src/index.ts")).toBe(tested.replace(/^\/\*\*.*\*\/\n/, ""));
});

test("docs/mount.md has every file and line that the end-to-end test needs", () => {
  expect([...shownFiles.keys()]).toEqual(["wrangler.toml", "src/index.ts", "tsconfig.json"]);
  expect(typedLines.map((line) => line.split(" ").slice(0, 3).join(" "))).toEqual([
    "npm install edge-prefix",
    "npm install --save-dev",
    "npm install --save-dev",
    "npx wrangler types",
    "npx tsc",
    "npx edge-prefix push",
    "npx wrangler dev",
    "curl -s http://localhost:8787/nlp/v1/tasks/sentiment/predict",
    "curl -s http://localhost:8787/mood/dull",
    "npx edge-prefix train",
    "npx edge-prefix push",
    "npx wrangler r2",
    "npx edge-prefix push",
    "npx wrangler deploy",
  ]);
});
