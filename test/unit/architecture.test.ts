/** The rules of the project's shape, checked on its real files: layers, cycles, sizes, names. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { offences } from "../support/import-offences.ts";
import {
  betweenFolders,
  findCycle,
  importsOf,
  readSources,
  withoutComments,
} from "../support/source-imports.ts";

const project = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const sources = readSources(project, ["src", "scripts", "bench"]);
const tests = readSources(project, ["test"]);
const imports = sources.flatMap(importsOf);

const MAX_LINES = 400;

describe("the dependency rule", () => {
  it("holds for every import line of src, scripts and bench", () => {
    expect(offences(imports)).toEqual([]);
  });

  it("leaves no cycle between files", () => {
    expect(findCycle(imports)).toBeNull();
  });

  // In bench, NAME.ts and the folder NAME are one benchmark.
  it("leaves no cycle between the folders of src and scripts", () => {
    const edges = imports.filter(({ from }) => !from.startsWith("bench/"));
    expect(findCycle(betweenFolders(edges))).toBeNull();
  });

  it("lets nothing but tests import tests", () => {
    expect(imports.filter(({ to }) => to.startsWith("test/"))).toEqual([]);
  });

  it.each([
    ["src/core/model/a.ts", "src/core/format/b.ts", "not allowed for src/core/model"],
    ["src/core/a.ts", "node:", "not allowed for src/core/*.ts"],
    ["src/serve/queue/a.ts", "src/serve/b.ts", "not allowed for src/serve/queue"],
    ["src/http/a.ts", "src/engine/b.ts", "not allowed for src/http"],
    ["src/index.ts", "scripts/b.ts", "not allowed for composition root"],
    ["src/serve/a.ts", "src/engine/engine.ts", "may import only types"],
    ["scripts/runs/a.ts", "onnxruntime-node", "may be imported only where"],
    ["src/graph/a.ts", "src/learn/b.ts", "not allowed for src/graph"],
    [
      "src/encoder/layers/a.ts",
      "src/encoder/families/families.ts",
      "not allowed for src/encoder/layers",
    ],
    ["src/encoder/families/a.ts", "src/encoder/b.ts", "not allowed for src/encoder/families"],
    ["src/learn/a.ts", "src/encoder/families/bert.ts", "only beside the table of families"],
    ["src/graph/shapes/a.ts", "src/graph/b.ts", "not allowed for src/graph/shapes"],
    ["src/graph/a.ts", "src/graph/encoding/b.ts", "not allowed for src/graph"],
    ["src/learn/data/a.ts", "src/learn/loop/b.ts", "not allowed for src/learn/data"],
    ["src/learn/loop/a.ts", "src/learn/measure/b.ts", "not allowed for src/learn/loop"],
    ["scripts/task/a.ts", "scripts/publish/b.ts", "not allowed for scripts/task"],
    ["src/report/a.ts", "src/encoder/b.ts", "not allowed for src/report"],
    ["src/learn/task/a.ts", "src/report/b.ts", "not allowed for src/learn/task"],
    ["scripts/runs/task/a.ts", "scripts/runs/sweep/b.ts", "not allowed for scripts/runs/task"],
  ])("names the edge %s -> %s", (from, to, reason) => {
    const [offence] = offences([{ from, to, isTypeOnly: false }]);
    expect(offence).toContain(`${from} -> ${to}: `);
    expect(offence).toContain(reason);
  });

  it("names the files of a cycle", () => {
    const edges = ["ab", "bc", "cb"].map(([from = "", to = ""]) => ({
      from,
      to,
      isTypeOnly: true,
    }));
    expect(findCycle(edges)).toEqual(["b", "c", "b"]);
  });

  it("reads every form of import line", () => {
    const text = [
      `import a from "./a.ts";`,
      `import type {\n  B,\n  C,\n} from "../b.ts";`,
      `export { d } from "node:fs/promises";`,
      `import "@scope/e/part";`,
      `const f = await import("hono/tiny");`,
      `// import no from "./comment.ts";`,
    ].join("\n");
    expect(
      importsOf({ path: "src/x/y.ts", text }).map(({ to, isTypeOnly }) => [to, isTypeOnly]),
    ).toEqual([
      ["src/x/a.ts", false],
      ["src/b.ts", true],
      ["node:", false],
      ["@scope/e", false],
      ["hono", false],
    ]);
  });
});

describe("every file", () => {
  it(`is at most ${MAX_LINES} lines long`, () => {
    const long = [...sources, ...tests]
      .filter(({ text }) => text.split("\n").length > MAX_LINES + 1)
      .map(({ path, text }) => `${path}: ${text.split("\n").length - 1} lines`);
    expect(long).toEqual([]);
  });

  it("has a name in kebab case", () => {
    const odd = [...sources, ...tests]
      .map(({ path }) => path)
      .filter(
        (path) =>
          !/^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|cases|d))?\.ts$/.test(
            path,
          ),
      );
    expect(odd).toEqual([]);
  });

  it("begins with a comment that says what it is", () => {
    const bare = sources
      .filter(({ text }) => !text.replace(/^#!.*\n/, "").startsWith("/**"))
      .map(({ path }) => path);
    expect(bare).toEqual([]);
  });

  it("leaves nothing undone and no type unchecked", () => {
    const offending = [...sources, ...tests]
      .filter(({ path }) => path !== "test/unit/architecture.test.ts")
      .filter(
        ({ text }) =>
          /\bTODO\b|\bFIXME\b|@ts-(?:ignore|expect-error|nocheck)/.test(text) ||
          /(?::|\bas|<)\s*any\b/.test(withoutComments(text)),
      )
      .map(({ path }) => path);
    expect(offending).toEqual([]);
  });
});

describe("a name has one home", () => {
  it("past_key_values is spelled in src/core/model/shapes.ts and used from there", () => {
    const spellers = sources
      .filter(({ text }) => withoutComments(text).includes("past_key_values"))
      .map(({ path }) => path);
    expect(spellers).toEqual(["src/core/model/shapes.ts"]);
  });

  it("onnxruntime-node is imported by scripts/node/runtime-node.ts alone", () => {
    const users = imports.filter(({ to }) => to === "onnxruntime-node").map(({ from }) => from);
    expect([...new Set(users)]).toEqual(["scripts/node/runtime-node.ts"]);
  });
});
