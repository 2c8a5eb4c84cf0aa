/** Names of bases: what a new base is called, and which folder a name means. */
import { existsSync } from "node:fs";
import { basename, join, normalize, resolve } from "node:path";
import { InputError } from "../../src/core/errors.ts";
import { PACKAGE } from "../node/project.ts";

/** Name of a base from a path or hub id: its last part, in the alphabet that names allow. */
export const nameFrom = (path: string): string =>
  basename(resolve(path))
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .slice(0, 64)
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "");

/** Where bases are looked for when a verb is given a name or nothing. */
const MODELS_DIR = "models";

/**
 * Where the base that a task names is expected: `models/<name>` below the working directory, else
 * the one in this package. Throws InputError `name-invalid` when the name is a path.
 */
export function bundledBaseDir(name: string): string {
  if (name.includes("/") || name.includes("\\") || name.startsWith(".")) {
    throw new InputError("name-invalid", `base "${name}": is a path; use --base DIR for a folder`);
  }
  const own = join(MODELS_DIR, name);
  const bundled = join(PACKAGE, own);
  return !existsSync(own) && existsSync(bundled) ? bundled : own;
}

/** The base in this package. */
export const BUNDLED_BASE = bundledBaseDir("pocket");

/**
 * The folder that `--base` names: a folder that exists, or a base of this package by its name
 * (`pocket`, or `models/pocket` as in a clone). Anything else is returned as it is, for the error of
 * the reader to name.
 */
export function baseFolder<T extends string | undefined>(given: T): T | string {
  if (given === undefined || existsSync(given)) return given;
  const bundled = join(PACKAGE, MODELS_DIR, basename(given));
  const isName = [basename(given), join(MODELS_DIR, basename(given))].includes(normalize(given));
  return isName && existsSync(bundled) ? bundled : given;
}
