/** The example of docs/tokenizer.md does what the page says. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { PACKAGE } from "../../../scripts/node/project.ts";

it("prints what stands below it", () => {
  const page = readFileSync(join(PACKAGE, "docs", "tokenizer.md"), "utf8");
  const [, example = "", output] = /^```js\n([^]*?)^```\n\n```\n([^]*?)^```/m.exec(page)!;
  const entry = pathToFileURL(join(PACKAGE, "src", "tokenizer.ts")).href;
  const code = example.replace("edge-prefix/tokenizer", entry);
  expect(code).not.toBe(example);
  const options = { cwd: PACKAGE, encoding: "utf8" } as const;
  expect(execFileSync(process.execPath, ["--input-type=module", "-e", code], options)).toBe(output);
});
