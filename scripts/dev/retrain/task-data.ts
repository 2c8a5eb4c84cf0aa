/** The data that is made before a bundled task, or a teacher, is trained. Other tasks take their files as they are. */
import { makeEncyclopedia } from "./encyclopedia-data.ts";
import { makePairs } from "./pairs-data.ts";
import { makeSentimentData, makeTeacherData } from "./sentiment-data.ts";
import { titleOf } from "./state.ts";
import { makeTweets } from "./tweets-data.ts";

type Maker = (dir: string, dataDir: string) => Promise<void>;

const MAKERS: ReadonlyMap<string, Maker> = new Map([
  ["same-question", makePairs],
  ["entities", makeEntities],
  ["sentiment", makeSentimentData],
  ["teachers/sentiment", makeTeacherData],
]);

async function makeEntities(dir: string, dataDir: string): Promise<void> {
  await makeEncyclopedia(dir, dataDir);
  await makeTweets(dir, dataDir);
}

/** Writes what is missing in the folder `data` of a task's folder, from the public data in `dataDir`. */
export const makeData: Maker = async (dir, dataDir) => MAKERS.get(titleOf(dir))?.(dir, dataDir);
