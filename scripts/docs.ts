/**
 * `npm run docs`: writes what is generated of the documentation, the help block of README.md and
 * docs/cli.md. A unit test compares the same texts, so neither can drift from the program.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMON_OPTIONS } from "./cli.ts";
import { generalHelp, verbHelp } from "./help.ts";
import { PROJECT } from "./publish/local-bucket.ts";
import { VERBS } from "./verbs.ts";

const START = "<!-- help:start -->";
const END = "<!-- help:end -->";

const fenced = (text: string): string => `\`\`\`text\n${text}\n\`\`\``;

/** Generated files by their path in the project, with the text they should have. */
export async function generatedDocs(): Promise<Map<string, string>> {
  const readme = readFileSync(join(PROJECT, "README.md"), "utf8");
  const [start, end] = [readme.indexOf(START), readme.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`README.md: has no ${START} .. ${END}`);
  const general = fenced(await generalHelp(COMMON_OPTIONS));
  const head = readme.slice(0, start + START.length);
  return new Map([
    ["README.md", `${head}\n\n${general}\n\n${readme.slice(end)}`],
    ["docs/cli.md", await cliPage()],
  ]);
}

/** Every verb with its options and an example. */
async function cliPage(): Promise<string> {
  const sections = await Promise.all(
    Object.entries(VERBS).map(async ([verb, load]) => {
      const { command } = await load();
      return `## ${verb}\n\n${fenced(verbHelp(verb, command))}`;
    }),
  );
  const note = "Written by `npm run docs` from the program's own help.";
  return `${["# Command line", note, ...sections].join("\n\n")}\n`;
}

if (import.meta.main) {
  for (const [path, text] of await generatedDocs()) writeFileSync(join(PROJECT, path), text);
}
