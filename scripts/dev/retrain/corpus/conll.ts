/** Tagged sentences out of which data of bundled tasks are made, and their form as a file. */

/** A sentence as words and their tags in IOB2. */
export type Sentence = readonly (readonly [word: string, tag: string])[];

/** The parts of the Broad Twitter Corpus that bundled tasks learn from; part f measures. */
export const TWEETS: readonly string[] = [..."abegh"].map((part) => `btc/${part}.conll`);

/** A line a word, an empty one behind each sentence. */
export const conllOf = (sentences: readonly Sentence[]): string =>
  sentences
    .map((sentence) => `${sentence.map((line) => `${line.join("\t")}\n`).join("")}\n`)
    .join("");
