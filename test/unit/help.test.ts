/** The README shows the help that the program prints, to the letter. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { helpBlock, replaceHelp } from "../../scripts/docs.ts";

it("the help in README.md is what the program says (npm run docs writes it)", async () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  expect(readme).toBe(replaceHelp(readme, await helpBlock()));
});
