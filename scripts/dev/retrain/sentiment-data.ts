/**
 * Data for `sentiment` and its teacher that no file has as they are.
 *
 * - neutral.jsonl: texts that neither praise nor blame, as half positive and half negative. Reviews alone
 *   teach that what is not praised is bad: a plain fact then counts as negative.
 * - closings.jsonl: the last sentence of film reviews with one or two stars, or nine or ten.
 * - short.txt: short texts without labels, which the teacher answers: tweets, and sentences out of reviews
 *   that could stand in a review of anything.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../../node/files.ts";
import { findFile, readDataFile } from "../../runs/task/data-files.ts";
import { UNRATED_REVIEWS, WIKIPEDIA, readLines, sentencesOf, spread } from "./corpus/texts.ts";

/** As the files of SST-2 and the film reviews name the labels. */
const [NEGATIVE, POSITIVE] = ["0", "1"] as const;
const NEUTRAL = { [NEGATIVE]: 0.5, [POSITIVE]: 0.5 };

/** So many texts of each source. */
const NEUTRAL_SHARES = { sentences: 1200, commands: 700, questions: 600 } as const;
const CLOSINGS = 5000;
const TWEETS = ["btc/a.conll", "btc/b.conll", "btc/e.conll", "btc/g.conll", "btc/h.conll"];
const SHORT_SHARES = { sentences: 14_000, tweets: 5000 } as const;

/** Words by which a sentence tells of a film and not of what its author thinks. */
const OF_FILMS =
  /\b(?:movies?|films?|flicks?|cinema\w*|act(?:s|ed|ing|ors?|ress\w*)?|direct\w*|scenes?|plots?|characters?|stor(?:y|ies)|scripts?|cast|screen\w*|hollywood|documentar\w+|comed\w+|dramas?|horror|thrillers?|watch\w*|episodes?|series|tv|television|dvds?|roles?|performances?|play(?:s|ed)?|star(?:s|ring|red)?|audiences?|genres?|sequels?|remakes?|camera\w*|dialog\w*|viewers?|shots?|soundtrack|novel|ending|he|him|his|she|hers?)\b/i;
/** Words of a sentence that speaks of a thing, or of its author. */
const OF_ANYTHING = /\b(?:i|my|me|we|our|us|you|your|it|its|this|that|these|those|they|them)\b/i;
/** A capital letter behind a space, except "I". */
const NAME = /\s"?(?!I\b)\p{Lu}/u;

/** Writes what the teacher learns beside SST-2, where it is missing. */
export async function makeTeacherData(dir: string, dataDir: string): Promise<void> {
  await makeNeutral(dir, dataDir);
  await makeFile(join(dir, "data", "closings.jsonl"), async () => jsonl(await closings(dataDir)));
}

/** Writes what the task learns beside SST-2 and whole reviews, where it is missing. */
export async function makeSentimentData(dir: string, dataDir: string): Promise<void> {
  await makeNeutral(dir, dataDir);
  await makeFile(
    join(dir, "data", "short.txt"),
    async () => `${(await shortTexts(dataDir)).join("\n")}\n`,
  );
}

const makeNeutral = (dir: string, dataDir: string): Promise<void> =>
  makeFile(join(dir, "data", "neutral.jsonl"), async () =>
    jsonl((await neutralTexts(dataDir)).map((text) => ({ text, label: NEUTRAL }))),
  );

async function makeFile(path: string, make: () => Promise<string>): Promise<void> {
  if (!existsSync(path)) await writeWhole(path, await make());
}

const jsonl = (rows: readonly unknown[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join("");

/** Sentences of Wikipedia, spoken commands, and questions to a bank. */
async function neutralTexts(dataDir: string): Promise<string[]> {
  const textsOf = async (path: string): Promise<string[]> => {
    const { examples } = await readDataFile(findFile(path, [dataDir]), { type: "sequence" });
    return examples.map(({ text }) => text);
  };
  const firstSentences = (await readLines(WIKIPEDIA, dataDir))
    .map((paragraph) => sentencesOf(paragraph)[0]!)
    .filter((sentence) => isShort(sentence) && /[.!?]$/.test(sentence));
  return [
    ...spread(firstSentences, NEUTRAL_SHARES.sentences),
    ...spread(await textsOf("snips/train/seq.in"), NEUTRAL_SHARES.commands),
    ...spread(await textsOf("banking77/train.csv"), NEUTRAL_SHARES.questions),
  ];
}

/** The last sentences of reviews that are clear, with the review's label; as many of each label. */
async function closings(dataDir: string): Promise<{ text: string; label: string }[]> {
  const path = findFile("imdb/train.tsv.gz", [dataDir]);
  const { examples } = await readDataFile(path);
  const { examples: stars } = await readDataFile(path, { labelColumn: "stars" });
  const found = examples.flatMap(({ text, labels: [label] }, i) => {
    const count = Number(stars[i]!.labels[0]);
    const last = sentencesOf(asLine(text)).at(-1)!;
    return (count <= 2 || count >= 9) && isShort(last) ? [{ text: last, label: label! }] : [];
  });
  return [NEGATIVE, POSITIVE].flatMap((label) =>
    spread(
      found.filter((row) => row.label === label),
      CLOSINGS / 2,
    ),
  );
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
