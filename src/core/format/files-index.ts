/**
 * `index.json` beside the pointers, where a bucket's files are given out over HTTP: the base and the
 * tasks that are there. A plain web server cannot list keys.
 */
import { isName } from "./keys.ts";
import { describe, readRecord } from "../record.ts";
import { parseJson } from "../text.ts";

export interface FilesIndex {
  /** Name of the one base. */
  readonly base: string;
  /** Names of the tasks, in order. */
  readonly tasks: readonly string[];
}

export const FILES_INDEX_KEY = "index.json";
/** Ten thousand tasks with the longest names are 700 kB. */
export const MAX_FILES_INDEX_BYTES = 1_000_000;
const MAX_TASKS = 10_000;

/** Reads an index; throws FormatError `files-index-invalid` or `json-invalid`. */
export function readFilesIndex(bytes: Uint8Array, subject = FILES_INDEX_KEY): FilesIndex {
  const r = readRecord(parseJson(bytes, subject), subject, "files-index-invalid");
  const base = r.string("base");
  if (!isName(base)) r.fail(`"base" ${describe(base)} is not a valid name`);
  const tasks = r.list("tasks", MAX_TASKS, (name, at) =>
    typeof name === "string" && isName(name) ? name : r.fail(`${at} is no name of a task`),
  );
  return { base, tasks };
}
