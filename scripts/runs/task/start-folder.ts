/**
 * The folder that `--init`, or `init` in task.json, means: a path, or the name of a start: one of
 * `prefixes/starts` below the working directory, else one that comes with this package.
 */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { NotFoundError } from "../../../src/core/errors.ts";
import { isName } from "../../../src/core/format/keys.ts";
import { PACKAGE } from "../../node/project.ts";

const STARTS = join("prefixes", "starts");

/**
 * The folder of a start. A path that exists below one of `folders` comes before a name. Throws
 * NotFoundError `pretrained-not-found`, which lists the starts that have a name.
 */
export function startFolder(init: string, folders: readonly string[]): string {
  const named = isName(init) ? [join(STARTS, init), join(PACKAGE, STARTS, init)] : [];
  const below = folders.map((folder) => join(folder, init));
  const candidates = isAbsolute(init) ? [init] : [...below, ...named];
  const found = candidates.find((folder) => existsSync(join(folder, "manifest.json")));
  if (found !== undefined) return found;
  const names = namedStarts();
  const known = names.length === 0 ? "" : `; starts with a name are ${names.join(", ")}`;
  throw new NotFoundError(
    "pretrained-not-found",
    `init "${init}": is neither a folder that "pretrain" wrote nor a start's name${known}`,
  );
}

/** Whether this is no path that exists, but the name of a start. */
const isStartName = (init: string): boolean => !existsSync(init) && namedStarts().includes(init);

/** What is kept of an `init` that was written in `dir`: a name, by which the start is found anywhere, or an absolute path. */
export const settledInit = (init: string, dir = "."): string =>
  isStartName(init) ? init : resolve(dir, init);

/** What `--init` takes for a start's folder: its name where names are looked for, else the path. */
export const initOf = (dir: string): string =>
  dirname(resolve(dir)) === resolve(STARTS) ? basename(resolve(dir)) : dir;

/** Names of the starts of the working directory and of this package, sorted. */
function namedStarts(): string[] {
  const names = [STARTS, join(PACKAGE, STARTS)].flatMap((folder) =>
    existsSync(folder)
      ? readdirSync(folder).filter((name) => existsSync(join(folder, name, "manifest.json")))
      : [],
  );
  return [...new Set(names)].toSorted();
}
