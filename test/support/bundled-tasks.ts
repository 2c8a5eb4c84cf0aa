/** The tasks that come with the project. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

export const PREFIXES = new URL("../../prefixes/", import.meta.url).pathname;

/** Their names, in the order in which the bucket lists them. */
export const bundledTasks = (): string[] =>
  readdirSync(PREFIXES)
    .filter((name) => existsSync(join(PREFIXES, name, "manifest.json")))
    .toSorted();
