/** `bench`: measurements and comparisons, one file each in bench/, listed when none is named. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { NotFoundError } from "../../src/core/errors.ts";
import { closest } from "../cli/closest.ts";
import { UsageError, defineCommand } from "../cli/command.ts";
import type { Command } from "../cli/command.ts";
import { PACKAGE } from "../node/project.ts";

const FOLDER = join(PACKAGE, "bench");

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
  const { href } = pathToFileURL(join(FOLDER, `${name}.ts`));
  const module = (await import(href)) as { bench?: Command };
  return module.bench;
}

async function benchNames(): Promise<string[]> {
  const names: string[] = [];
  for (const name of await fileNames()) if (await load(name)) names.push(name);
  return names;
}

/** Throws NotFoundError `bench-not-found` where this is an installed package, which has no bench/. */
async function fileNames(): Promise<string[]> {
  if (!existsSync(FOLDER)) {
    throw new NotFoundError(
      "bench-not-found",
      `${FOLDER}: does not exist; benchmarks are part of a clone of edge-prefix, not of the package`,
    );
  }
  const files = await readdir(FOLDER);
  return files.flatMap((file) => /^([\w-]+)\.ts$/.exec(file)?.[1] ?? []).toSorted();
}
