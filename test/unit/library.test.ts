/** What the package lets others import: few names, and none of the parts that serve. */
import { expect, it } from "vitest";
import * as tokenizer from "../../src/tokenizer.ts";
import * as errors from "../../src/core/errors.ts";

it("the tokenizer's entry has two constructors and a way to count as Python does", () => {
  expect(Object.keys(tokenizer).toSorted()).toEqual([
    "codePointOffsets",
    "createTokenizer",
    "streamTokenizer",
  ]);
});

it("the library's entry has createWorker and the errors that it throws, all of them", async () => {
  const { readFile } = await import("node:fs/promises");
  const source = await readFile(new URL("../../src/library.ts", import.meta.url), "utf8");
  const values = [...source.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, names = ""]) =>
    names.split(",").flatMap((name) => name.trim() || []),
  );
  expect(values.toSorted()).toEqual(["createWorker", ...Object.keys(errors)].toSorted());
});
