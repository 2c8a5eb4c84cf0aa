/**
 * Packages that only some verbs need: a Worker that mounts the app should not install 500 MB for
 * training and deploying. They are optional peer dependencies, looked for beside this package and
 * then in the folder that the command runs in (npx keeps this package in a folder of its own).
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { UnavailableError } from "../../src/core/errors.ts";
import { readPackageFile } from "./project.ts";

/** What each one is for, as the error says it. */
const PURPOSES = {
  "onnxruntime-node": "training and importing run on it",
  wrangler: "buckets are reached through it",
} as const;

export type OptionalPackage = keyof typeof PURPOSES;

/**
 * Imports an optional package; `load` is `() => import("<name>")`, so that its types are known.
 * Throws UnavailableError `package-missing` with the line that installs it.
 */
export async function loadOptional<T>(name: OptionalPackage, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!isMissing(error, name)) throw error;
    return (await import(pathToFileURL(resolveOptional(name)).href)) as T;
  }
}

/** Path of the file that an optional package's name leads to. Throws as `loadOptional` does. */
export function resolveOptional(name: OptionalPackage): string {
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    try {
      return createRequire(from).resolve(name);
    } catch (error) {
      if (!isMissing(error, name)) throw error;
    }
  }
  throw new UnavailableError(
    "package-missing",
    `package "${name}": is not installed, and ${PURPOSES[name]}; ${installLine(name)}`,
  );
}

// Without its scripts: onnxruntime-node's would download CUDA libraries that nothing here uses.
const installLine = (name: OptionalPackage): string =>
  `npm install --save-dev --ignore-scripts ${name}@${readPackageFile().peerDependencies[name]}`;

/** Whether the import failed because this package is missing, and not one that it needs itself. */
const isMissing = (error: unknown, name: string): boolean =>
  error instanceof Error &&
  "code" in error &&
  /^(?:ERR_)?MODULE_NOT_FOUND$/.test(String(error.code)) &&
  error.message.includes(`'${name}'`);
