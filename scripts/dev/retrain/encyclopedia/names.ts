/**
 * Tags of the names in a tokenised sentence, as far as rules tell them: by the article of a name
 * (titles.ts), by the article in which the sentence stands, or by the words of the name.
 */
import { titlesOf } from "./titles.ts";
import type { Article, NameType, Titles } from "./titles.ts";
import {
  LINKS,
  NO_NAMES,
  OFFICES,
  ORGANISATION_ENDS,
  ORGANISATION_STARTS,
  PLACE_ENDS,
  TITLES,
} from "./words.ts";

/** A tag of IOB2; null: a word of a name that no rule knows. */
export type RuleTag = string | null;

/** The tag of names that are known to be neither persons, nor places, nor organisations. */
export const OTHER = "other";

/** What the paragraphs of an encyclopaedia tell of its names. */
export interface Knowledge {
  readonly titles: Titles;
  /** How often a word is written in lower case. */
  readonly lower: ReadonlyMap<string, number>;
  /** How many persons with an article have a first name. */
  readonly firstNames: ReadonlyMap<string, number>;
}

const LOWER_WORD = /(?<![.!?] )(?<![\p{L}\p{N}_])[a-z]{2,}(?![\p{L}\p{N}_])/gu;
/** A word that is written in lower case more often than this is an ordinary one. */
const ORDINARY = 20;
/** As often is a first name the first name of persons with an article. */
const FIRST_NAME = 3;
/** Every so many paragraphs are enough to count words. */
const COUNTED = 3;

/**
 * Titles, ordinary words and first names. `articles`: what each paragraph begins; `annotated`: names that
 * people have tagged elsewhere, for those that no article is about.
 */
export function knowledgeOf(
  paragraphs: readonly string[],
  articles: readonly (Article | null)[],
  annotated: Titles,
): Knowledge {
  const titles = new Map([
    ...annotated,
    ...titlesOf(articles.filter((article) => article !== null)),
  ]);
  const lower = new Map<string, number>();
  const firstNames = new Map<string, number>();
  const count = (counts: Map<string, number>, word: string): void =>
    void counts.set(word, (counts.get(word) ?? 0) + 1);
  paragraphs.forEach((paragraph, i) => {
    if (i % COUNTED === 0) for (const word of paragraph.match(LOWER_WORD) ?? []) count(lower, word);
  });
  for (const [name, type] of titles) {
    const words = name.split(" ");
    if (type === "PER" && words.length > 1) count(firstNames, words[0]!);
  }
  return { titles, lower, firstNames };
}

/** The name by which an article goes on to speak of its person. */
export function surnameOf({ name, type }: Article): string | null {
  const words = name.split(" ");
  return type === "PER" && words.length > 1 ? words.at(-1)! : null;
}

/** Tags of a sentence; `surname`: of the person whose article it stands in. */
export function ruleTags(
  tokens: readonly string[],
  known: Knowledge,
  surname: string | null,
): RuleTag[] {
  const tags: RuleTag[] = tokens.map(() => "O");
  const put = (from: number, to: number, type: NameType): void => {
    if (type === "open") tags.fill(null, from, to);
    else if (type === null) tags.fill(OTHER, from, to);
    else {
      tags.fill(`I-${type}`, from, to);
      tags[from] = `B-${type}`;
    }
  };
  for (let from = 0; from < tokens.length;) {
    if (!isUpper(tokens[from])) {
      from++;
      continue;
    }
    const to = endOfRun(tokens, from);
    tagRun(tokens.slice(from, to), from, { known, surname, put });
    from = to;
  }
  return tags;
}

const isUpper = (token: string | undefined): boolean =>
  token !== undefined && /^\p{Lu}/u.test(token);

/** Where a run of words with capital letters, and of small words between them, ends. */
function endOfRun(tokens: readonly string[], from: number): number {
  let to = from + 1;
  while (to < tokens.length) {
    const [before, token, next, second] = [
      tokens[to - 1]!,
      tokens[to]!,
      tokens[to + 1],
      tokens[to + 2],
    ];
    const joins = LINKS.has(token) && (isUpper(next) || (next === "the" && isUpper(second)));
    const goesOn = token === "the" && LINKS.has(before) && isUpper(next);
    if (!isUpper(token) && !joins && !goesOn) break;
    to++;
  }
  return to;
}

interface RunContext {
  readonly known: Knowledge;
  readonly surname: string | null;
  readonly put: (from: number, to: number, type: NameType) => void;
}

/** Tags a run of words that begins at token `start`. */
function tagRun(words: readonly string[], start: number, context: RunContext): void {
  const { known, put } = context;
  let run = [...words];
  let at = start;
  const drop = (): void => {
    run = run.slice(1);
    at++;
  };
  const isTitle = known.titles.has(run[0]!) || known.titles.has(run.join(" "));
  if (start === 0 && !isTitle && (run[0] === "A" || isOrdinary(run[0]!, known))) drop();
  const dropLinks = (): void => {
    while (run.length > 0 && LINKS.has(run[0]!)) drop();
  };
  dropLinks();
  if (run[0] === "The") drop();
  while (run.length > 0) {
    const type = typeOf(run, context);
    if (type === "none") return;
    if (type !== "open") {
      const isAddressed = type === "PER" && run.length > 1 && TITLES.has(run[0]!);
      put(at + (isAddressed ? 1 : 0), at + run.length, type);
      return;
    }
    if (!NO_NAMES.has(run[0]!) && !TITLES.has(run[0]!)) return tagPair(run, at, context);
    drop();
    dropLinks();
  }
}

/** Two names with "and" between them; one that is not known, where there is no "and". */
function tagPair(run: readonly string[], at: number, context: RunContext): void {
  const and = run.indexOf("and");
  const from = run[and + 1] === "the" ? and + 2 : and + 1;
  const [first, second] =
    and < 0
      ? ["open" as const, "open" as const]
      : [typeOf(run.slice(0, and), context), typeOf(run.slice(from), context)];
  if (first === "open" || second === "open") return context.put(at, at + run.length, "open");
  if (first !== "none") context.put(at, at + and, first);
  if (second !== "none") context.put(at + from, at + run.length, second);
}

const isOrdinary = (word: string, { lower }: Knowledge): boolean =>
  (lower.get(word.toLowerCase()) ?? 0) > ORDINARY;

/** What a name is; "none": these words are no name. */
function typeOf(run: readonly string[], { known, surname }: RunContext): NameType | "none" {
  if (run.every((word) => NO_NAMES.has(word))) return "none";
  const name = run.join(" ");
  const isShort = run.length === 1;
  const title = known.titles.get(name);
  const isNamed = title !== undefined && title !== "open";
  if (isNamed && (!isShort || (known.lower.get(name.toLowerCase()) ?? 0) < ORDINARY)) return title;
  if (name === surname) return "PER";
  if (isShort) return "open";
  if (isOrganisation(run)) return "ORG";
  if (isPlace(run)) return "LOC";
  return title === undefined && isPerson(run, known) ? "PER" : "open";
}

/** By the words of a name. Two organisations with "and" between them are not one, nor is a person of one. */
function isOrganisation(run: readonly string[]): boolean {
  const of = run.indexOf("of");
  const isPart =
    of > 0 && (ORGANISATION_STARTS.has(run[0]!) || ORGANISATION_ENDS.has(run[of - 1]!));
  if (run.includes("and")) return isPart && OFFICES.has(run[0]!);
  return isPart || (of < 0 && ORGANISATION_ENDS.has(run.at(-1)!));
}

/** "Morris Park", but neither "City and County" nor "Poudre School District". */
const isPlace = (run: readonly string[]): boolean =>
  PLACE_ENDS.has(run.at(-1)!) &&
  !run.includes("and") &&
  !run.some((word) => ORGANISATION_ENDS.has(word));

/** Whether a name tells by its words that it is an organisation. */
export const isTelling = (name: readonly string[]): boolean =>
  ORGANISATION_STARTS.has(name[0]!) || name.some((word) => ORGANISATION_ENDS.has(word));

function isPerson(run: readonly string[], known: Knowledge): boolean {
  return (
    run.length <= 3 &&
    run[0] !== "Saint" &&
    !NO_NAMES.has(run[0]!) &&
    (known.firstNames.get(run[0]!) ?? 0) >= FIRST_NAME &&
    !run.some((word) => LINKS.has(word)) &&
    !isOrdinary(run.at(-1)!, known)
  );
}
