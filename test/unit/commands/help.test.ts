/** The documentation shows the help that the program prints, to the letter. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { generatedDocs } from "../../../scripts/dev/docs.ts";
import { PACKAGE } from "../../../scripts/node/project.ts";

it.each([...(await generatedDocs())])(
  "%s says what the program says (npm run docs writes it)",
  (path, text) => {
    expect(readFileSync(join(PACKAGE, path), "utf8")).toBe(text);
  },
);
