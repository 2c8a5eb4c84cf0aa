/**
 * What the articles of an encyclopaedia are about, by their first sentences: "Anders Celsius (1701 -
 * 1744) was a Swedish astronomer" makes Anders Celsius a person. Titles of which two articles say
 * different things are left open.
 */
import { KINDS, NO_SUBJECTS, OTHER_KINDS, PLACES } from "./words.ts";
import type { EntityType } from "./words.ts";

/** What a name is; null: none of the three; "open": the rules do not tell. */
export type NameType = EntityType | null | "open";

/** An article's first paragraph. */
export interface Article {
  readonly name: string;
  readonly type: NameType;
}

/** Known names; "open" also where articles differ. */
export type Titles = ReadonlyMap<string, NameType>;

const WORD = String.raw`[\p{L}\p{N}_.'’&-]*`;
const SUBJECT = new RegExp(
  String.raw`^(?:The )?([A-Z]${WORD}(?: (?:of|the|and|de|la|van|von|for|in|on|at|&|[A-Z0-9]${WORD}))*)` +
    String.raw`(,? ?\([^)]*\))?(?:, [^,]{3,60},)? (is|was|are|were) (?:an?|the|one of the) (.{3,140})`,
  "u",
);
/** Years of birth and death in parentheses. */
const LIVED = /\b(born|c\.|\d{3,4} ?[–-] ?(?:[\p{L}\p{N}_]+ )*\d{3,4})/u;
/** Behind these words a description says more than what its subject is. */
const DETAILS =
  / (?:that|which|who|whose|where|by|from|of|in|located|founded|based|with|for|on|at|created|formed) |[.;]/;
/** Companies and clubs are named without this, too. */
const COMPANY_END = / (?:Inc\.?|Corp\.?|Corporation|Company|Ltd\.?|Limited|PLC|plc|AG|F\.?C\.?)$/;
/** What the subject is stands at the end of the description. */
const LAST_WORDS = 3;

/** The article that a paragraph begins, null where it begins none. */
export function articleOf(paragraph: string): Article | null {
  const match = SUBJECT.exec(paragraph);
  if (!match) return null;
  const [, subject, aside, verb, description] = match;
  if (subject!.length < 3 || NO_SUBJECTS.has(subject!.split(" ")[0]!)) return null;
  const hasLived = aside !== undefined && LIVED.test(aside) && (verb === "is" || verb === "was");
  const words = description!.split(DETAILS)[0]!.match(/[A-Za-z-]+/g) ?? [];
  const isOneWord = !subject!.includes(" ");
  let type = kindOf(hasLived ? words : words.slice(-LAST_WORDS));
  const isOpen = type === "open" || words.some((word) => KINDS.PER.has(word.toLowerCase()));
  if (isOpen && hasLived && !isOneWord) type = "PER";
  if (type === "PER" && isOneWord && !hasLived) type = "open";
  return { name: subject!.replace(/^The /, ""), type };
}

function kindOf(words: readonly string[]): NameType {
  for (const word of words.toReversed()) {
    for (const type of ["PER", "ORG", "LOC"] as const) {
      if (KINDS[type].has(word.toLowerCase())) return type;
    }
    if (OTHER_KINDS.has(word.toLowerCase())) return null;
  }
  return "open";
}

/** Names of all articles and of well-known places. */
export function titlesOf(articles: Iterable<Article>): Titles {
  const titles = new Map<string, NameType>();
  for (const { name, type } of articles) {
    const known = titles.get(name);
    titles.set(name, known !== undefined && known !== type ? "open" : type);
  }
  const organisations = [...titles].filter(([, type]) => type === "ORG");
  for (const [name] of organisations) {
    const short = name.replace(COMPANY_END, "");
    if (!titles.has(short)) titles.set(short, "ORG");
  }
  for (const place of PLACES) titles.set(place, "LOC");
  return titles;
}
