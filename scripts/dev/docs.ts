/**
 * `npm run docs`: writes what is generated of the documentation, the blocks of README.md between
 * their markers and docs/cli.md. A unit test compares the same texts, so neither can drift from the program.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RESULTS, readResults } from "../../bench/accuracy/results.ts";
import { accuracyMarkdown } from "../../bench/accuracy/table.ts";
import { SETTINGS } from "../../src/http/config.ts";
import { COMMON_OPTIONS } from "../cli/main.ts";
import { bundledTasks } from "./docs/bundled-tasks.ts";
import { generalHelp, verbHelp } from "../cli/help.ts";
import { markdownTable } from "../report/markdown.ts";
import { PACKAGE } from "../node/project.ts";
import { VERBS } from "../cli/verbs.ts";

const fenced = (text: string): string => `\`\`\`text\n${text}\n\`\`\``;

/** Generated files by their path in the project, with the text they should have. */
export async function generatedDocs(): Promise<Map<string, string>> {
  let readme = readFileSync(join(PACKAGE, "README.md"), "utf8");
  readme = replaceBlock(readme, "help", fenced(generalHelp(COMMON_OPTIONS)));
  readme = replaceBlock(readme, "settings", settingsTable());
  readme = replaceBlock(readme, "tasks", await bundledTasks());
  readme = replaceBlock(readme, "accuracy", accuracyMarkdown(readResults(RESULTS)));
  return new Map([
    ["README.md", readme],
    ["docs/cli.md", await cliPage()],
  ]);
}

/** `text` with what stands between the markers `<!-- name:start -->` and `<!-- name:end -->` replaced. */
function replaceBlock(text: string, name: string, block: string): string {
  const marker = `<!-- ${name}:start -->`;
  const [start, end] = [text.indexOf(marker), text.indexOf(`<!-- ${name}:end -->`)];
  if (start < 0 || end < start) throw new Error(`README.md: has no block "${name}"`);
  return `${text.slice(0, start + marker.length)}\n\n${block}\n\n${text.slice(end)}`;
}

/** What a deployment may set. */
function settingsTable(): string {
  const rows = Object.values(SETTINGS).map((setting) => [
    `\`${setting.variable}\``,
    setting.default.toLocaleString("en"),
    setting.meaning,
  ]);
  return markdownTable([["variable", "default", "what it limits"], ...rows]);
}

/** Every verb with its options and an example. */
async function cliPage(): Promise<string> {
  const sections = await Promise.all(
    Object.entries(VERBS).map(async ([verb, { load }]) => {
      const { command } = await load();
      return `## ${verb}\n\n${fenced(verbHelp(verb, command))}`;
    }),
  );
  const note = "Written by `npm run docs` from the program's own help.";
  return `${["# Command line", note, ...sections].join("\n\n")}\n`;
}

if (import.meta.main) {
  for (const [path, text] of await generatedDocs()) writeFileSync(join(PACKAGE, path), text);
}
