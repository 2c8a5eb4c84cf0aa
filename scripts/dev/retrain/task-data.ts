/** The data that is made before a bundled task is trained. Other tasks take their files as they are. */
import { basename } from "node:path";
import { makeEncyclopedia } from "./encyclopedia-data.ts";
import { makePairs } from "./pairs-data.ts";

type Maker = (dir: string, dataDir: string) => Promise<void>;

const MAKERS: ReadonlyMap<string, Maker> = new Map([
  ["same-question", makePairs],
  ["entities", makeEncyclopedia],
]);

/** Writes what is missing in the folder `data` of a task's folder, from the public data in `dataDir`. */
export const makeData: Maker = async (dir, dataDir) => MAKERS.get(basename(dir))?.(dir, dataDir);
