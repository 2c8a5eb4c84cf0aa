/** Finished cells of a measurement: a JSON file each, in a folder of bench/results, replaced by rename. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../scripts/node/files.ts";

const SUFFIX = ".json";

const pathOf = (folder: string, name: string): string => join(folder, `${name}${SUFFIX}`);
const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;

export const writeCell = (folder: string, name: string, result: unknown): Promise<void> =>
  writeWhole(pathOf(folder, name), `${JSON.stringify(result, null, 2)}\n`);

/** A finished cell; null when there is none. */
export const readCell = <T>(folder: string, name: string): T | null =>
  existsSync(pathOf(folder, name)) ? readJson<T>(pathOf(folder, name)) : null;

/** All finished cells of a folder, by name. */
export const readCells = <T>(folder: string): T[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(SUFFIX))
        .toSorted()
        .map((name) => readJson<T>(join(folder, name)))
    : [];
