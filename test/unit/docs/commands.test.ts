/** Commands that the documents show exist, with every option: verbs, benchmarks and npm scripts. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { COMMON_OPTIONS } from "../../../scripts/cli/main.ts";
import type { Command } from "../../../scripts/cli/command.ts";
import { VERBS } from "../../../scripts/commands/verbs.ts";
import { PACKAGE } from "../../../scripts/node/project.ts";

const read = (path: string): string => readFileSync(join(PACKAGE, path), "utf8");
const documents = [
  "README.md",
  "prefixes/README.md",
  "test/README.md",
  ...readdirSync(join(PACKAGE, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** Lines of code blocks and spans of code. */
const codeOf = (text: string): string[] => [
  ...[...text.matchAll(/^ *```\w*\n([^]*?)^ *```$/gm)].flatMap(([, block = ""]) =>
    block.replaceAll("\\\n", " ").split("\n"),
  ),
  ...[...text.replace(/^ *```[^]*?^ *```$/gm, "").matchAll(/`([^`\n]+)`/g)].map(
    ([, span = ""]) => span,
  ),
];

/** Commands of one program in a line of code: everything up to the next shell operator or comment. */
function commandsOf(text: string, program: string): string[][] {
  return codeOf(text).flatMap((line) =>
    [...line.matchAll(new RegExp(`(?:^|\\s)${program} ([^|&;<>#]*)`, "g"))].map(([, rest = ""]) =>
      rest.trim().split(/\s+/),
    ),
  );
}

/** The command that a line runs: a verb, or a benchmark of `bench`. */
async function commandOf([verb = "", name = ""]: readonly string[]): Promise<Command | undefined> {
  if (verb === "bench" && /^[a-z]/.test(name)) {
    const module = (await import(`../../../bench/${name}.ts`)) as { bench: Command };
    return module.bench;
  }
  return (await VERBS[verb]?.load())?.command;
}

describe.each(documents)("%s", (path) => {
  it("shows verbs and options that exist", async () => {
    const wrong: string[] = [];
    for (const words of commandsOf(read(path), "npx edge-prefix")) {
      // The help of all verbs, and places for a verb's name.
      if (/^(?:-.*|help|VERB|)$/.test(words[0] ?? "")) continue;
      const command = await commandOf(words);
      const known = { ...COMMON_OPTIONS, ...command?.options };
      const options = words.flatMap((word) => /^--([\w-]+)/.exec(word)?.[1] ?? []);
      const unknown = options.filter((option) => !Object.hasOwn(known, option));
      if (!command || unknown.length > 0) wrong.push(words.join(" "));
    }
    expect(wrong).toEqual([]);
  });

  it("shows npm scripts that exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = commandsOf(read(path), "npm run").map(([name = ""]) => name);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});
