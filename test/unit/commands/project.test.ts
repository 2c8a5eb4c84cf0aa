/** Which folder a command works on: the project around it, not the package's own. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadOptional } from "../../../scripts/node/optional-package.ts";
import { PACKAGE, findProject, readPackageFile } from "../../../scripts/node/project.ts";
import { baseFolder } from "../../../scripts/base/names.ts";
import { stateFolder } from "../../../scripts/publish/local-bucket.ts";
import { temporaryFolder } from "../../support/folders.ts";

const folder = temporaryFolder("project");
const inFolder = (...path: string[]): string => join(folder.path, ...path);

beforeAll(() => {
  mkdirSync(inFolder("toml", "prefixes", "mood"), { recursive: true });
  mkdirSync(inFolder("both"));
  mkdirSync(inFolder("none"));
  writeFileSync(inFolder("toml", "wrangler.toml"), "");
  writeFileSync(inFolder("both", "wrangler.jsonc"), "{}");
  writeFileSync(inFolder("both", "wrangler.toml"), "");
});
afterAll(() => folder.remove());

describe("the project of a command", () => {
  it("is the folder with a wrangler configuration, from it and from any folder below", () => {
    const project = {
      folder: inFolder("toml"),
      configuration: inFolder("toml", "wrangler.toml"),
    };
    expect(findProject(inFolder("toml"))).toEqual(project);
    expect(findProject(inFolder("toml", "prefixes", "mood"))).toEqual(project);
    expect(stateFolder(project)).toBe(inFolder("toml", ".wrangler", "state"));
  });

  it("has the configuration that wrangler would take where there are two", () => {
    // wrangler's own order: wrangler.json, wrangler.jsonc, wrangler.toml.
    expect(findProject(inFolder("both")).configuration).toBe(inFolder("both", "wrangler.jsonc"));
  });

  it("is missing with a hint where there is none", () => {
    expect(() => findProject(inFolder("none"))).toThrow(
      expect.objectContaining({
        code: "project-not-found",
        message: expect.stringMatching(
          /none[/\\]wrangler\.toml: does not exist.*edge-prefix new NAME$/,
        ),
      }),
    );
  });

  it("is this package's own folder in a clone", () => {
    expect(findProject(import.meta.dirname).folder).toBe(PACKAGE);
  });
});

describe("the base that --base names", () => {
  it("is a folder that exists, or a base of this package by its name", () => {
    expect(baseFolder(inFolder("none"))).toBe(inFolder("none"));
    expect(baseFolder("pocket")).toBe(join(PACKAGE, "models", "pocket"));
    expect(baseFolder("elsewhere/pocket")).toBe("elsewhere/pocket");
    expect(baseFolder("no-such-base")).toBe("no-such-base");
    expect(baseFolder(undefined)).toBeUndefined();
  });
});

describe("a package that only some verbs need", () => {
  const missing = (code: string, message: string) => () =>
    Promise.reject(Object.assign(new Error(message), { code }));

  it("is looked for where the command runs when it is not beside this package", async () => {
    const load = missing("ERR_MODULE_NOT_FOUND", "Cannot find package 'wrangler' imported from x");
    const found = await loadOptional<{ getPlatformProxy?: unknown }>("wrangler", load);
    expect(found.getPlatformProxy).toBeTypeOf("function");
  });

  it("is not blamed for what it misses itself", async () => {
    const load = missing("ERR_MODULE_NOT_FOUND", "Cannot find package 'workerd' imported from x");
    await expect(loadOptional("wrangler", load)).rejects.toThrow("'workerd'");
  });

  it("is a development dependency here, and an optional peer of the package", () => {
    expect(Object.keys(readPackageFile().peerDependencies)).toEqual([
      "onnxruntime-node",
      "wrangler",
    ]);
  });
});
