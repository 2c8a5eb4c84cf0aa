/**
 * Data for `sentiment` and its teacher that no file has as they are.
 *
 * - neutral.jsonl: texts that neither praise nor blame, as half positive and half negative. Reviews alone
 *   teach that what is not praised is bad: a plain fact then counts as negative.
 * - tweets.jsonl: tweets with what people found in them: praise, blame, or neither, which is half and half.
 * - short.txt: short texts without labels, which the teacher answers: tweets, and sentences out of reviews
 *   that could stand in a review of anything.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../../node/files.ts";
import { findFile, readDataFile } from "../../runs/task/data-files.ts";
import { TWEETS } from "./corpus/conll.ts";
import { UNRATED_REVIEWS, WIKIPEDIA, readLines, sentencesOf, spread } from "./corpus/texts.ts";

/** As the files of SST-2 and the film reviews name the labels. */
const NEUTRAL = { 0: 0.5, 1: 0.5 };

interface Row {
  readonly text: string;
  readonly label: 0 | 1 | typeof NEUTRAL;
}

/** A text a line, and in a file beside it a label a line: 0 negative, 1 neutral, 2 positive. */
const OPINIONS = ["tweeteval/sentiment/val", "tweeteval/sentiment/test"];
const OPINION_LABELS: ReadonlyMap<string, Row["label"]> = new Map<string, Row["label"]>([
  ["0", 0],
  ["1", NEUTRAL],
  ["2", 1],
]);

/** So many texts of each source. */
const NEUTRAL_SHARES = { sentences: 900, commands: 600 } as const;
const SHORT_SHARES = { sentences: 12_000, tweets: 4000 } as const;

/** Words by which a sentence tells of a film and not of what its author thinks. */
const OF_FILMS =
  /\b(?:movies?|films?|flicks?|cinema\w*|act(?:s|ed|ing|ors?|ress\w*)?|direct\w*|scenes?|plots?|characters?|stor(?:y|ies)|scripts?|cast|screen\w*|hollywood|documentar\w+|comed\w+|dramas?|horror|thrillers?|watch\w*|episodes?|series|tv|television|dvds?|roles?|performances?|play(?:s|ed)?|star(?:s|ring|red)?|audiences?|genres?|sequels?|remakes?|camera\w*|dialog\w*|viewers?|shots?|soundtrack|novel|ending|he|him|his|she|hers?)\b/i;
/** Words of a sentence that speaks of a thing, or of its author. */
const OF_ANYTHING = /\b(?:i|my|me|we|our|us|you|your|it|its|this|that|these|those|they|them)\b/i;
/** A capital letter behind a space, except "I". */
const NAME = /\s"?(?!I\b)\p{Lu}/u;

/** Writes what the task and its teacher learn beside reviews, where it is missing. */
export async function makeTeacherData(dir: string, dataDir: string): Promise<void> {
  await makeFile(join(dir, "data", "neutral.jsonl"), async () =>
    jsonLines((await neutralTexts(dataDir)).map((text) => ({ text, label: NEUTRAL }))),
  );
  await makeFile(join(dir, "data", "tweets.jsonl"), async () => jsonLines(await opinions(dataDir)));
}

/** Writes that, and the texts that the teacher answers for the task. */
export async function makeSentimentData(dir: string, dataDir: string): Promise<void> {
  await makeTeacherData(dir, dataDir);
  await makeFile(
    join(dir, "data", "short.txt"),
    async () => `${(await shortTexts(dataDir)).join("\n")}\n`,
  );
}

async function makeFile(path: string, make: () => Promise<string>): Promise<void> {
  if (!existsSync(path)) await writeWhole(path, await make());
}

const jsonLines = (rows: readonly Row[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join("");

/** Every tweet once, with the label of its first place. */
async function opinions(dataDir: string): Promise<Row[]> {
  const found = new Map<string, Row["label"]>();
  for (const part of OPINIONS) {
    const texts = await linesOf(`${part}_text.txt`, dataDir);
    const labels = await linesOf(`${part}_labels.txt`, dataDir);
    for (const [i, text] of texts.entries()) {
      const label = OPINION_LABELS.get(labels[i] ?? "");
      if (label !== undefined && !found.has(text)) found.set(text, label);
    }
  }
  return [...found].map(([text, label]) => ({ text, label }));
}

async function linesOf(path: string, dataDir: string): Promise<string[]> {
  const text = await readFile(findFile(path, [dataDir]), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.trim());
}

/** Sentences of Wikipedia, and spoken commands. */
async function neutralTexts(dataDir: string): Promise<string[]> {
  const path = findFile("snips/train/seq.in", [dataDir]);
  const { examples } = await readDataFile(path, { type: "sequence" });
  const sentences = (await readLines(WIKIPEDIA, dataDir))
    .map((paragraph) => sentencesOf(paragraph)[0]!)
    .filter((sentence) => isShort(sentence) && /[.!?]$/.test(sentence));
  const commands = examples.map(({ text }) => text);
  return [
    ...spread(sentences, NEUTRAL_SHARES.sentences),
    ...spread(commands, NEUTRAL_SHARES.commands),
  ];
}

/** One sentence of each review, at another place in each, and tweets. */
async function shortTexts(dataDir: string): Promise<string[]> {
  const tweets: string[] = [];
  for (const path of TWEETS) {
    const { examples } = await readDataFile(findFile(path, [dataDir]));
    tweets.push(...examples.map(({ text }) => text).filter(isShort));
  }
  const sentences = (await readLines(UNRATED_REVIEWS, dataDir)).flatMap((review, i) => {
    const general = sentencesOf(asLine(review)).filter(isGeneral);
    return general.length > 0 ? [general[i % general.length]!] : [];
  });
  return [...spread(sentences, SHORT_SHARES.sentences), ...spread(tweets, SHORT_SHARES.tweets)];
}

const isGeneral = (sentence: string): boolean =>
  isShort(sentence) &&
  OF_ANYTHING.test(sentence) &&
  !OF_FILMS.test(sentence) &&
  !NAME.test(sentence);

const asLine = (review: string): string =>
  review
    .replaceAll(/<br ?\/?>/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();

function isShort(text: string): boolean {
  const words = text.split(" ").length;
  return words >= 5 && words <= 30;
}
