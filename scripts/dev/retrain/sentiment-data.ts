/**
 * Data for `sentiment` and its teacher that no file has as they are.
 *
 * - neutral.jsonl: texts that neither praise nor blame, as half positive and half negative. Reviews alone
 *   teach that what is not praised is bad: a plain fact then counts as negative.
 * - short.txt: short texts without labels, which the teacher answers: tweets, and sentences out of reviews
 *   that could stand in a review of anything.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../../node/files.ts";
import { findFile, readDataFile } from "../../runs/task/data-files.ts";
import { TWEETS } from "./corpus/conll.ts";
import { UNRATED_REVIEWS, WIKIPEDIA, readLines, sentencesOf, spread } from "./corpus/texts.ts";

/** As the files of SST-2 and the film reviews name the labels. */
const NEUTRAL = { 0: 0.5, 1: 0.5 };

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

/** Writes the neutral texts that the task and its teacher learn, where they are missing. */
export const makeNeutral = (dir: string, dataDir: string): Promise<void> =>
  makeFile(join(dir, "data", "neutral.jsonl"), async () =>
    (await neutralTexts(dataDir))
      .map((text) => `${JSON.stringify({ text, label: NEUTRAL })}\n`)
      .join(""),
  );

/** Writes what the task learns beside SST-2 and whole reviews, where it is missing. */
export async function makeSentimentData(dir: string, dataDir: string): Promise<void> {
  await makeNeutral(dir, dataDir);
  await makeFile(
    join(dir, "data", "short.txt"),
    async () => `${(await shortTexts(dataDir)).join("\n")}\n`,
  );
}

async function makeFile(path: string, make: () => Promise<string>): Promise<void> {
  if (!existsSync(path)) await writeWhole(path, await make());
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
