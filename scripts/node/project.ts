/**
 * Where things are. The package's own files (the bundled base, its tasks, package.json) are found
 * from this file, in a clone as in node_modules. The project, a Worker with its wrangler
 * configuration, buckets and state, is found from the folder that a command runs in.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { NotFoundError } from "../../src/core/errors.ts";

/** The folder of this package: the one above with its package.json. */
export const PACKAGE: string = findAbove(import.meta.dirname, ["package.json"])!.folder;

/** The names that wrangler looks for, in its order. */
const CONFIGURATIONS = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

export interface Project {
  readonly folder: string;
  /** Path of the wrangler configuration in it. */
  readonly configuration: string;
}

/**
 * The nearest project at `from` or above it, as wrangler itself would find it. Throws NotFoundError
 * `project-not-found`.
 */
export function findProject(from: string = process.cwd()): Project {
  const found = findAbove(from, CONFIGURATIONS);
  if (found) return { folder: found.folder, configuration: join(found.folder, found.name) };
  throw new NotFoundError(
    "project-not-found",
    `${join(from, "wrangler.toml")}: does not exist, nor does one in a folder above; run this in the folder of your Worker, or make one: npx edge-prefix new NAME`,
  );
}

/** The parts of package.json that the program reads. */
export interface PackageFile {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

export const readPackageFile = (): PackageFile =>
  JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as PackageFile;

/** The first folder at `from` or above that has one of the files, and which. */
function findAbove(
  from: string,
  names: readonly string[],
): { folder: string; name: string } | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const name = names.find((item) => existsSync(join(folder, item)));
    if (name !== undefined) return { folder, name };
    if (dirname(folder) === folder) return undefined;
  }
}
