/** `bench`: measurements and comparisons, one file each in bench/, listed when none is named. */
import { readdir } from "node:fs/promises";
import { closest } from "../cli/closest.ts";
import { UsageError, defineCommand } from "../cli/command.ts";
import type { Command } from "../cli/command.ts";

const FOLDER = new URL("../../bench/", import.meta.url);

export const command = defineCommand({
  summary: "measure or compare something; without a name, list what there is",
  usage: "[NAME [options]]",
  example: "npx edge-prefix bench\nnpx edge-prefix bench golden --help",
  options: {},
  choose: load,
  async run({ positionals, io }) {
    const names = await benchNames();
    const [unknown] = positionals;
    if (unknown !== undefined) {
      const similar = closest(unknown, names);
      throw new UsageError(
        `unknown benchmark ${JSON.stringify(unknown)}${similar ? `; did you mean "${similar}"?` : ""} (there are ${names.join(", ")})`,
      );
    }
    const benches = await Promise.all(
      names.map(async (name) => ({ name, summary: (await load(name))?.summary ?? "" })),
    );
    const width = Math.max(...names.map(({ length }) => length));
    if (io.json) io.out(JSON.stringify(benches));
    else for (const { name, summary } of benches) io.out(`${name.padEnd(width)}  ${summary}`);
    return 0;
  },
});

/** bench/<name>.ts, when it is there and is a benchmark (it exports `bench`). */
async function load(name: string): Promise<Command | undefined> {
  if (!(await fileNames()).includes(name)) return undefined;
  const module = (await import(new URL(`${name}.ts`, FOLDER).href)) as { bench?: Command };
  return module.bench;
}

async function benchNames(): Promise<string[]> {
  const names: string[] = [];
  for (const name of await fileNames()) if (await load(name)) names.push(name);
  return names;
}

async function fileNames(): Promise<string[]> {
  const files = await readdir(FOLDER);
  return files.flatMap((file) => /^([\w-]+)\.ts$/.exec(file)?.[1] ?? []).toSorted();
}
