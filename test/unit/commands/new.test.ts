/** `new` writes a project; test/e2e/package.test.ts installs, checks and serves one. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { packageSpec } from "../../../scripts/node/new-project.ts";
import { PACKAGE, readPackageFile } from "../../../scripts/node/project.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { asText, runVerb } from "../../support/verb.ts";

const folder = temporaryFolder("new");
const inFolder = (...path: string[]): string => join(folder.path, ...path);
afterAll(() => folder.remove());

describe("a new project", () => {
  it("has all files of a Worker, its settings under its own name, and the task", async () => {
    const { code, out } = asText(await runVerb("new", inFolder("texts")));
    expect(code).toBe(0);
    expect(out).toContain("npm start");
    const entries = readdirSync(inFolder("texts")).toSorted();
    expect(entries).toEqual([
      ".gitignore",
      "README.md",
      "package.json",
      "prefixes",
      "src",
      "tsconfig.json",
      "wrangler.bulk.toml",
      "wrangler.toml",
    ]);
    const settings = readFileSync(inFolder("texts", "wrangler.toml"), "utf8");
    expect(settings.match(/^(?:bucket_)?name = .*$/gm)).toEqual([
      'name = "texts"',
      'bucket_name = "texts"',
    ]);
    const [, main = ""] = /^main = "(.*)"$/m.exec(settings) ?? [];
    expect(existsSync(inFolder("texts", main))).toBe(true);
    const bulk = readFileSync(inFolder("texts", "wrangler.bulk.toml"), "utf8");
    const names = /^(?:(?:bucket_)?name|queue|dead_letter_queue|main) = "(.*)"$/gm;
    expect([...bulk.matchAll(names)].map(([, value]) => value)).toEqual([
      "texts-bulk",
      "src/bulk.ts",
      "texts",
      "texts-bulk",
      "texts-bulk",
      "texts-bulk-dead",
      "texts-bulk-dead",
    ]);
    expect(existsSync(inFolder("texts", "src", "bulk.ts"))).toBe(true);
    expect(settings).toContain('directory = "node_modules/edge-prefix/dist/page"');
    expect(settings).not.toContain("[build]");
    expect(existsSync(inFolder("texts", "prefixes", "sentiment", "manifest.json"))).toBe(true);
    expect(readFileSync(inFolder("texts", "README.md"), "utf8").split("\n").length).toBeLessThan(
      13,
    );
  });

  it.each([
    ["a folder with files in it", ["full"], 1, "folder-not-empty"],
    ["a name that Cloudflare refuses", ["My_Worker"], 2, "3 to 63 lowercase letters"],
    ["no name", [], 2, "expected one NAME, found 0"],
  ])("is refused for %s", async (_, names, code, message) => {
    mkdirSync(inFolder("full"), { recursive: true });
    writeFileSync(inFolder("full", "mine.txt"), "");
    const result = asText(await runVerb("new", ...names.map((name) => inFolder(name))));
    expect(result.code).toBe(code);
    expect(result.err).toContain(message);
  });
});

describe("the package that a new project depends on", () => {
  /** A folder whose package.json names edge-prefix so. */
  function projectWith(name: string, spec: string): string {
    mkdirSync(inFolder(name), { recursive: true });
    const file = { devDependencies: { "edge-prefix": spec } };
    writeFileSync(inFolder(name, "package.json"), JSON.stringify(file));
    return inFolder(name);
  }

  it("is named as the project around it names it, a file by its path from the new folder", () => {
    const tagged = projectWith("tagged", "^9.9.0");
    expect(packageSpec(join(tagged, "inner"), tagged)).toBe("^9.9.0");
    const packed = projectWith("packed", "file:../edge-prefix.tgz");
    expect(packageSpec(join(packed, "inner"), packed)).toBe("file:../../edge-prefix.tgz");
  });

  it("is this folder where it runs in a clone", () => {
    expect(packageSpec(join(PACKAGE, "..", "inner"))).toMatch(/^file:\.\.\/[^/]+$/);
    expect(readPackageFile().version).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
