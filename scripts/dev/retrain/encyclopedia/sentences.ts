/**
 * Sentences of an encyclopaedia with the tags that rules give them (names.ts), and a choice of them in
 * which organisations are as frequent as persons and places. A sentence with a name that no rule knows is
 * left out: an entity that is not tagged would teach that it is none. No person has looked at these tags.
 */
import { sentencesOf, spread } from "../corpus/texts.ts";
import { OTHER, isTelling, knowledgeOf, ruleTags, surnameOf } from "./names.ts";
import type { RuleTag } from "./names.ts";
import { articleOf } from "./titles.ts";
import type { Titles } from "./titles.ts";

export interface TaggedSentence {
  readonly tokens: readonly string[];
  readonly tags: readonly string[]; // IOB2
  /** Whether it has a name that is none of the three. */
  readonly hasOther: boolean;
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
      const tokens: readonly string[] = sentence.match(TOKEN) ?? [];
      if (tokens.length < FEWEST_TOKENS || tokens.length > MOST_TOKENS) continue;
      const tags = ruleTags(tokens, known, surname);
      const unknown = tags.indexOf(null);
      const end = unknown < 0 ? tokens.length : tokens.lastIndexOf(",", unknown);
      if (end < FEWEST_TOKENS) continue;
      const part = tagged(tokens.slice(0, end), tags.slice(0, end));
      if (unknown < 0 || kindOf(part) === "bands") found.push(part);
    }
  });
  return found;
}

const tagged = (tokens: readonly string[], tags: readonly RuleTag[]): TaggedSentence => ({
  tokens,
  tags: tags.map((tag) => (tag === OTHER || tag === null ? "O" : tag)),
  hasOther: tags.includes(OTHER),
});

/** So many sentences of each kind, evenly over the whole. */
const SHARES = {
  organisations: 1500,
  // Organisations whose names do not tell what they are: bands, companies, teams.
  bands: 1500,
  others: 1400,
  persons: 1400,
  places: 700,
  none: 400,
} as const;
type Kind = keyof typeof SHARES;
/** Sentences that name the same organisation first. */
const MOST_ALIKE = 8;

/**
 * A choice in which places, by far the most frequent, do not drown persons and organisations, and names of
 * other things are frequent enough to be told from them.
 */
export function balanced(sentences: readonly TaggedSentence[]): TaggedSentence[] {
  const kinds: Readonly<Record<Kind, TaggedSentence[]>> = {
    organisations: [],
    bands: [],
    others: [],
    persons: [],
    places: [],
    none: [],
  };
  const named = new Map<string, number>();
  for (const sentence of sentences) {
    const kind = kindOf(sentence);
    if (kind === null) continue;
    if (kind === "organisations" || kind === "bands") {
      const name = firstOrganisation(sentence).join(" ");
      const count = (named.get(name) ?? 0) + 1;
      named.set(name, count);
      if (count > MOST_ALIKE) continue;
    }
    kinds[kind].push(sentence);
  }
  return (Object.keys(SHARES) as Kind[]).flatMap((kind) => spread(kinds[kind], SHARES[kind]));
}

function firstOrganisation({ tokens, tags }: TaggedSentence): string[] {
  const from = tags.indexOf("B-ORG");
  let to = from + 1;
  while (tags[to] === "I-ORG") to++;
  return tokens.slice(from, to);
}

function kindOf(sentence: TaggedSentence): Kind | null {
  const { tokens, tags, hasOther } = sentence;
  if (tags.includes("B-ORG"))
    return isTelling(firstOrganisation(sentence)) ? "organisations" : "bands";
  if (hasOther) return "others";
  if (tags.includes("B-PER")) return "persons";
  if (tags.includes("B-LOC")) return "places";
  // Capital letters within a sentence that names nothing: nationalities and months.
  return tokens.slice(1).some((token) => /^\p{Lu}/u.test(token)) ? "none" : null;
}
