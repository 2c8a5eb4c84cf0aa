/** The tasks that come with the project. */
import { BUNDLED_TASKS } from "../../scripts/publish/bundled-tasks.ts";

export const PREFIXES = new URL("../../prefixes/", import.meta.url).pathname;

/** Their names, in the order in which the bucket lists them. */
export const bundledTasks = (): readonly string[] => BUNDLED_TASKS;
