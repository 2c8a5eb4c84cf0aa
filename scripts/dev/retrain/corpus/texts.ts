/** Files of plain texts, a line each, out of which data of bundled tasks are made. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { findFile } from "../../../runs/task/data-files.ts";

/** English Wikipedia, a paragraph a line, articles one after the other. */
export const WIKIPEDIA = "corpus/enwiki2015-00.txt.gz";
/** Film reviews without stars, one a line. */
export const UNRATED_REVIEWS = "corpus/imdb-unsup.txt.gz";

/** Not behind a single letter, and not behind these abbreviations. */
const SENTENCE_END =
  /(?<=[a-z)"”0-9][.!?])(?<!(?<![\p{L}\p{N}])(?:[a-z]|St|Dr|Mr|Mrs|Jr|Sr|vs|Co|Corp|Inc|Ltd|No|Vol)\.)\s+(?=[A-Z"“])/u;

/** All lines of a file below `dataDir`, read one by one: as a whole it may be too long for a string. */
export async function readLines(path: string, dataDir: string): Promise<string[]> {
  const input = createReadStream(findFile(path, [dataDir])).pipe(createGunzip());
  const found: string[] = [];
  for await (const line of createInterface({ input, crlfDelay: Infinity })) found.push(line.trim());
  return found;
}

/** The sentences of a paragraph. */
export const sentencesOf = (paragraph: string): string[] => paragraph.split(SENTENCE_END);

/** At most `most` of a list, evenly over the whole. */
export function spread<T>(list: readonly T[], most: number): T[] {
  const count = Math.min(most, list.length);
  return Array.from({ length: count }, (_, i) => list[Math.floor((i * list.length) / count)]!);
}
