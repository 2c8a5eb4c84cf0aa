/**
 * The tweets of `entities` with user names as people write them, and tagged alike. The Broad Twitter Corpus
 * has "@" and the name as two words, each an entity of its own; WNUT-17 has them as one word that is none.
 * Here they are one word and no entity: a user name is an address. Addresses of mail and of sites, which
 * neither corpus has, take the place of some user names and links.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Example } from "../../../src/learn/data/read.ts";
import { writeWhole } from "../../node/files.ts";
import { findFile, readDataFile } from "../../runs/task/data-files.ts";
import { TWEETS, conllOf } from "./corpus/conll.ts";
import type { Sentence } from "./corpus/conll.ts";

const FILES = [
  { name: "btc-train", from: TWEETS, hasAddresses: true },
  { name: "btc-f", from: ["btc/f.conll"], hasAddresses: false },
  { name: "wnut17-train", from: ["wnut17/train.conll"], hasAddresses: true },
] as const;

/** Writes the files of tweets in the folder `data` of the folder of `entities`, where they are missing. */
export async function makeTweets(dir: string, dataDir: string): Promise<void> {
  for (const { name, from, hasAddresses } of FILES) {
    const out = join(dir, "data", `${name}.conll`);
    if (existsSync(out)) continue;
    const sentences: Sentence[] = [];
    for (const path of from) {
      const { examples } = await readDataFile(findFile(path, [dataDir]));
      sentences.push(...examples.map((example) => wholeUserNames(sentenceOf(example))));
    }
    await writeWhole(out, conllOf(hasAddresses ? withAddresses(sentences) : sentences));
  }
}

const sentenceOf = ({ text, words, labels }: Example): Sentence =>
  words.map(({ start, end }, i) => [text.slice(start, end), labels[i]!]);

/** "@" and the word behind it as one word, which is no entity; "@" before a place is the word "at". */
export function wholeUserNames(sentence: Sentence): Sentence {
  const found: (readonly [string, string])[] = [];
  let isInside = false;
  for (let i = 0; i < sentence.length; i++) {
    const [word, tag] = sentence[i]!;
    const [next, nextTag] = sentence[i + 1] ?? [];
    const isSign = word === "@" && next !== undefined && !(tag === "O" && nextTag === "B-LOC");
    if (isSign || /^@./u.test(word)) {
      found.push([isSign ? `@${next}` : word, "O"]);
      if (isSign) i++;
      isInside = true;
    } else {
      // What goes on an entity that was a user name is none either.
      isInside &&= tag.startsWith("I-");
      found.push([word, isInside ? "O" : tag]);
    }
  }
  return found;
}

/** Every so many user names and links become an address. */
const EVERY = 6;
const USER_NAME_OR_LINK = /^(?:@.|https?:\/\/)/u;
const ENDINGS = ["com", "org", "co.uk", "net", "de"];

/** Addresses of mail and of sites, made of the names in these sentences, instead of some user names and links. */
export function withAddresses(sentences: readonly Sentence[]): Sentence[] {
  const persons = namesOf(sentences, /-(?:PER|person)$/);
  const organisations = namesOf(sentences, /-(?:ORG|corporation)$/);
  if (persons.length === 0 || organisations.length === 0) return [...sentences];
  let [found, made] = [0, 0];
  return sentences.map((sentence) =>
    sentence.map(([word, tag]) => {
      if (!USER_NAME_OR_LINK.test(word) || found++ % EVERY !== 0) return [word, tag];
      const person = persons[made % persons.length]!;
      const organisation = organisations[made % organisations.length]!.join("");
      const domain = `${organisation}.${ENDINGS[made % ENDINGS.length]!}`;
      const isMail = made++ % 3 !== 0;
      return [isMail ? `${person.join(".")}@${domain}` : `www.${domain}/${person.join("-")}`, "O"];
    }),
  );
}

/** The words of every entity whose tag ends so, in lower case; names of letters alone. */
function namesOf(sentences: readonly Sentence[], type: RegExp): string[][] {
  const names: string[][] = [];
  for (const [word, tag] of sentences.flat()) {
    if (!type.test(tag)) continue;
    if (tag.startsWith("B-")) names.push([]);
    names.at(-1)?.push(word.toLowerCase());
  }
  return names.filter((name) => name.every((word) => /^[a-z]+$/.test(word)));
}
