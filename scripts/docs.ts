/**
 * `npm run docs`: writes the parts of README.md that are generated, between their markers. A unit
 * test compares the same text, so the README cannot drift from the program.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMON_OPTIONS } from "./cli.ts";
import { generalHelp, verbHelp } from "./help.ts";
import { PROJECT } from "./publish/local-bucket.ts";
import { VERBS } from "./verbs.ts";

const START = "<!-- help:start -->";
const END = "<!-- help:end -->";

/** The README's help block: the general help, then every verb's, folded. */
export async function helpBlock(): Promise<string> {
  const fenced = (text: string): string => `\`\`\`text\n${text}\n\`\`\``;
  const verbs = await Promise.all(
    Object.entries(VERBS).map(async ([verb, load]) => {
      const { command } = await load();
      const help = fenced(verbHelp(verb, command));
      return `<details><summary><code>${verb}</code>: ${command.summary}</summary>\n\n${help}\n\n</details>`;
    }),
  );
  return [fenced(await generalHelp(COMMON_OPTIONS)), ...verbs].join("\n\n");
}

/** `text` with the part between the help markers replaced by `block`. */
export function replaceHelp(text: string, block: string): string {
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`README.md: has no ${START} .. ${END}`);
  return `${text.slice(0, start + START.length)}\n\n${block}\n\n${text.slice(end)}`;
}

if (import.meta.main) {
  const path = join(PROJECT, "README.md");
  writeFileSync(path, replaceHelp(readFileSync(path, "utf8"), await helpBlock()));
}
