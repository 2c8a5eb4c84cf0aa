/**
 * `npm run docs`: writes the generated parts of the documentation, which are docs/cli.md, a
 * picture, and the blocks between markers in README.md and docs/. A unit test compares the same texts with the files.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RESULTS, readResults } from "../../bench/accuracy/results.ts";
import { accuracyMarkdown } from "../../bench/accuracy/table.ts";
import {
  RESULTS as STARTS,
  readResults as readStarts,
  startsMarkdown,
} from "../../bench/starts/results.ts";
import { SETTINGS } from "../../src/http/settings/config.ts";
import { COMMON_OPTIONS } from "../cli/main.ts";
import { generalHelp, verbHelp } from "../cli/help.ts";
import { VERBS } from "../commands/verbs.ts";
import { PACKAGE } from "../node/project.ts";
import { markdownTable } from "../../src/report/text.ts";
import { benchmarkBlocks } from "./docs/benchmarks.ts";
import { bundledTasks, firstRequest } from "./docs/bundled-tasks.ts";
import { dependencyTable } from "./docs/dependencies.ts";
import { distillationTable } from "./docs/distillation.ts";
import { printedErrors, servedErrors } from "./docs/errors.ts";
import { knownBases } from "./docs/known-bases.ts";
import { ladderBlocks, ladderPicture } from "./docs/ladder.ts";
import { namesTable } from "./docs/zero-shot.ts";

/** Blocks by the page that holds them and by their name. */
const pages = async (): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> => ({
  "README.md": { try: firstRequest() },
  "docs/accuracy.md": { accuracy: accuracyMarkdown(readResults(RESULTS)) },
  "docs/bases.md": { known: knownBases() },
  "docs/benchmarks.md": benchmarkBlocks(),
  "docs/dependencies.md": {
    worker: dependencyTable("worker"),
    tools: dependencyTable("tools"),
    development: dependencyTable("development"),
  },
  "docs/distillation.md": { runs: distillationTable() },
  "docs/errors.md": { served: servedErrors(), printed: printedErrors() },
  "docs/few-rows.md": { names: namesTable(), ...ladderBlocks() },
  "docs/settings.md": { settings: settingsTable() },
  "docs/training.md": {
    starts: startsMarkdown(readStarts(STARTS, "pocket")),
  },
  "docs/tasks.md": { tasks: await bundledTasks() },
});

/** Generated files by their path in the project, with the text they should have. */
export async function generatedDocs(): Promise<Map<string, string>> {
  const files = new Map([["docs/cli.md", await cliPage()]]);
  const picture = ladderPicture();
  if (picture !== null) files.set("docs/few-rows.svg", picture);
  for (const [path, blocks] of Object.entries(await pages())) {
    const text = readFileSync(join(PACKAGE, path), "utf8");
    const filled = Object.entries(blocks).reduce(
      (page, [name, block]) => replaceBlock(path, page, name, block),
      text,
    );
    files.set(path, filled);
  }
  return files;
}

/** `text` with a new block between the markers `<!-- name:start -->` and `<!-- name:end -->`. */
function replaceBlock(path: string, text: string, name: string, block: string): string {
  const marker = `<!-- ${name}:start -->`;
  const [start, end] = [text.indexOf(marker), text.indexOf(`<!-- ${name}:end -->`)];
  if (start < 0 || end < start) throw new Error(`${path}: has no block "${name}"`);
  return `${text.slice(0, start + marker.length)}\n\n${block}\n\n${text.slice(end)}`;
}

/** Every number that a deployment may set. */
function settingsTable(): string {
  const rows = Object.values(SETTINGS).map((setting) => [
    `\`${setting.variable}\``,
    setting.default.toLocaleString("en"),
    setting.meaning,
  ]);
  return markdownTable([["variable", "default", "what it limits"], ...rows]);
}

const fenced = (text: string): string => `\`\`\`text\n${text}\n\`\`\``;

/** The general help, then every verb with its options and an example. */
async function cliPage(): Promise<string> {
  const sections = await Promise.all(
    Object.entries(VERBS).map(async ([verb, { load }]) => {
      const { command } = await load();
      return `## ${verb}\n\n${fenced(verbHelp(verb, command))}`;
    }),
  );
  const note = "Written by `npm run docs` from the program's own help.";
  const general = fenced(generalHelp(VERBS, COMMON_OPTIONS));
  return `${["# Command line", note, general, ...sections].join("\n\n")}\n`;
}

if (import.meta.main) {
  for (const [path, text] of await generatedDocs()) writeFileSync(join(PACKAGE, path), text);
}
