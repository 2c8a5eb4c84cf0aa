/** The example tasks that come with the project; other folders of prefixes/ are their maker's. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE } from "../node/project.ts";
import { isTrained } from "./seed.ts";

export const BUNDLED_TASKS: readonly string[] = [
  "command",
  "entities",
  "intent",
  "same-question",
  "sentiment",
  "slots",
];

const PREFIXES = join(PACKAGE, "prefixes");

/** Their folders. */
export const bundledFolders = (): string[] => BUNDLED_TASKS.map((name) => join(PREFIXES, name));

/** Names of the other trained tasks in prefixes/, sorted. */
export const ownTasks = (): string[] =>
  readdirSync(PREFIXES)
    .filter((name) => !BUNDLED_TASKS.includes(name) && isTrained(join(PREFIXES, name)))
    .sort();
