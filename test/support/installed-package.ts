/**
 * The package as a user has it: packed, and installed by npm into a folder of its own. No network is
 * needed: what it depends on is linked from this project's node_modules beforehand, so that npm
 * finds it there and only unpacks the tarball.
 */
import { cpSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect } from "vitest";
import { PACKAGE, readPackageFile } from "../../scripts/node/project.ts";
import { runCommand } from "./child.ts";
import type { ChildResult } from "./child.ts";

const MODULES = join(PACKAGE, "node_modules");
/** A hang is still caught; a busy machine is no failure. */
const WITHIN_MS = 1_500_000;
/** Neither npm nor wrangler may ask the network, or a person. */
const OFFLINE = {
  npm_config_offline: "true",
  npm_config_yes: "false",
  npm_config_update_notifier: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  CI: "true",
};

export interface Tarball {
  readonly path: string;
  readonly bytes: number;
  readonly files: readonly string[];
}

/** What is made, fetched or kept beside the sources. */
const NOT_SOURCES = new Set(["node_modules", "dist", ".git", ".wrangler", ".cache"]);

/**
 * `npm pack`, which builds: in a copy of the project, since a build begins by removing dist/, which
 * something else may be serving from.
 */
export async function packPackage(folder: string): Promise<Tarball> {
  const copy = join(folder, "sources");
  const isSource = (path: string): boolean =>
    dirname(path) !== PACKAGE || !NOT_SOURCES.has(basename(path));
  cpSync(PACKAGE, copy, { recursive: true, filter: isSource });
  symlinkSync(MODULES, join(copy, "node_modules"));
  const args = ["pack", "--json", "--pack-destination", folder];
  const options = { cwd: copy, withinMs: WITHIN_MS };
  const { code, stdout, stderr } = await runCommand("npm", args, options);
  expect(code, stderr).toBe(0);
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [
    { filename: string; files: { path: string }[] },
  ];
  const path = join(folder, packed.filename);
  return { path, bytes: statSync(path).size, files: packed.files.map((file) => file.path) };
}

export interface Consumer {
  readonly folder: string;
  /** Runs a line as a person would type it, in the folder. */
  sh(line: string): Promise<ChildResult>;
  /** The same; it must end with 0, and what it wrote to standard output is returned. */
  ok(line: string): Promise<string>;
}

/** A folder in which lines are run; `bin` comes first on the PATH. */
export function consumerIn(folder: string, bin = join(MODULES, ".bin")): Consumer {
  mkdirSync(folder, { recursive: true });
  const env = { ...OFFLINE, PATH: `${bin}:${process.env["PATH"]}` };
  const sh = (line: string): Promise<ChildResult> =>
    runCommand("sh", ["-c", line], { cwd: folder, env, withinMs: WITHIN_MS });
  return {
    folder,
    sh,
    async ok(line) {
      const { code, stdout, stderr } = await sh(line);
      expect(code, `${line}\n${stdout}\n${stderr}`).toBe(0);
      return stdout;
    },
  };
}

/**
 * Installs into a folder what `npm install edge-prefix` and `npm install --save-dev <tools>` would.
 * A package.json that is there keeps what it says and must name the tarball itself.
 */
export async function install(
  { folder, ok }: Consumer,
  tarball: Tarball,
  tools: readonly string[],
): Promise<void> {
  const { dependencies } = readPackageFile();
  for (const name of [...Object.keys(dependencies), ...tools]) {
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(MODULES, name), link);
  }
  const path = join(folder, "package.json");
  const devDependencies = Object.fromEntries(tools.map((name) => [name, versionOf(name)]));
  try {
    writeFileSync(path, JSON.stringify({ type: "module", devDependencies }), { flag: "wx" });
    await ok(`npm install --ignore-scripts --no-audit --no-fund '${tarball.path}'`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    await ok("npm install --ignore-scripts --no-audit --no-fund");
  }
}

const versionOf = (name: string): string =>
  (JSON.parse(readFileSync(join(MODULES, name, "package.json"), "utf8")) as { version: string })
    .version;
