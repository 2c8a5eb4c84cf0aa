/** The paragraphs of Wikipedia out of which data of a bundled task are made. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { findFile } from "../../../runs/task/data-files.ts";

/** English Wikipedia, a paragraph a line, articles one after the other. */
const WIKIPEDIA = "corpus/enwiki2015-00.txt.gz";

/** Not behind a single letter, and not behind these abbreviations. */
const SENTENCE_END =
  /(?<=[a-z)"”0-9][.!?])(?<!(?<![\p{L}\p{N}])(?:[a-z]|St|Dr|Mr|Mrs|Jr|Sr|vs|Co|Corp|Inc|Ltd|No|Vol)\.)\s+(?=[A-Z"“])/u;

/** All paragraphs below `dataDir`, read by lines: as a whole the file may be too long for a string. */
export async function readParagraphs(dataDir: string): Promise<string[]> {
  const input = createReadStream(findFile(WIKIPEDIA, [dataDir])).pipe(createGunzip());
  const paragraphs: string[] = [];
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    paragraphs.push(line.trim());
  }
  return paragraphs;
}

/** The sentences of a paragraph. */
export const sentencesOf = (paragraph: string): string[] => paragraph.split(SENTENCE_END);

/** At most `most` of a list, evenly over the whole. */
export function spread<T>(list: readonly T[], most: number): T[] {
  const count = Math.min(most, list.length);
  return Array.from({ length: count }, (_, i) => list[Math.floor((i * list.length) / count)]!);
}
