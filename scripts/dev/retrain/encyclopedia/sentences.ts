/**
 * Sentences of an encyclopaedia with the tags that rules give them (names.ts), and a choice of them in
 * which organisations are as frequent as persons and places. A sentence with a name that no rule knows is
 * left out: an entity that is not tagged would teach that it is none. No person has looked at these tags.
 */
import { sentencesOf, spread } from "../corpus/texts.ts";
import { knowledgeOf, ruleTags, surnameOf } from "./names.ts";
import { articleOf } from "./titles.ts";
import type { Titles } from "./titles.ts";

export interface TaggedSentence {
  readonly tokens: readonly string[];
  readonly tags: readonly string[]; // IOB2
}

/** A word, an abbreviation of capital letters with points, the ending of a genitive, or one other sign. */
const TOKEN =
  /(?:[A-Z]\.)+|['’]s(?![\p{L}\p{N}])|[\p{L}\p{N}]+(?:[-'’](?!s(?![\p{L}\p{N}]))[\p{L}\p{N}]+)*|[^\p{L}\p{N}_\s]/gu;
const [FEWEST_TOKENS, MOST_TOKENS] = [6, 40];

/** Every sentence of middle length in which each name is known; `annotated` as for `knowledgeOf`. */
export function taggedSentences(
  paragraphs: readonly string[],
  annotated: Titles = new Map(),
): TaggedSentence[] {
  const articles = paragraphs.map(articleOf);
  const known = knowledgeOf(paragraphs, articles, annotated);
  const found: TaggedSentence[] = [];
  let surname: string | null = null;
  paragraphs.forEach((paragraph, i) => {
    const article = articles[i];
    if (article) surname = surnameOf(article);
    for (const sentence of sentencesOf(paragraph)) {
      const tokens = sentence.match(TOKEN) ?? [];
      if (tokens.length < FEWEST_TOKENS || tokens.length > MOST_TOKENS) continue;
      const tags = ruleTags(tokens, known, surname);
      if (tags.every((tag) => tag !== null)) found.push({ tokens, tags });
    }
  });
  return found;
}

/** So many sentences of each kind, evenly over the whole. */
const SHARES = { organisations: 2600, persons: 2000, places: 700, none: 700 } as const;

/** A choice in which places, by far the most frequent, do not drown persons and organisations. */
export function balanced(sentences: readonly TaggedSentence[]): TaggedSentence[] {
  const kinds: Readonly<Record<keyof typeof SHARES, TaggedSentence[]>> = {
    organisations: [],
    persons: [],
    places: [],
    none: [],
  };
  for (const sentence of sentences) {
    const { tokens, tags } = sentence;
    if (tags.includes("B-ORG")) kinds.organisations.push(sentence);
    else if (tags.includes("B-PER")) kinds.persons.push(sentence);
    else if (tags.includes("B-LOC")) kinds.places.push(sentence);
    // Capital letters within a sentence that names nothing: nationalities, works, months.
    else if (tokens.slice(1).some((token) => /^\p{Lu}/u.test(token))) kinds.none.push(sentence);
  }
  return [
    ...spread(kinds.organisations, SHARES.organisations),
    ...spread(kinds.persons, SHARES.persons),
    ...spread(kinds.places, SHARES.places),
    ...spread(kinds.none, SHARES.none),
  ];
}
