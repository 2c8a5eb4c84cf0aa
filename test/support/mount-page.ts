/** docs/mount.md read as a program: the files that it shows and the lines that it has typed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE } from "../../scripts/node/project.ts";

const page = readFileSync(join(PACKAGE, "docs", "mount.md"), "utf8");

/** Files by their path: each block that stands below a line with the path alone. */
export const shownFiles: ReadonlyMap<string, string> = new Map(
  [...page.matchAll(/^`([\w./-]+)`:\n\n```\w+\n([\s\S]*?)^```$/gm)].map(
    ([, path = "", text = ""]) => [path, text],
  ),
);

/** Every line after a prompt, in order. */
export const typedLines: readonly string[] = [...page.matchAll(/^\$ (.*)$/gm)].map(
  ([, line = ""]) => line,
);

/** The typed lines that begin so. */
export const linesOf = (start: string): string[] =>
  typedLines.filter((line) => line.startsWith(start));
