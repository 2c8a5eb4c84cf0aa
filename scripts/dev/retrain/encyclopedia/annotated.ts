/** Names out of data that people have tagged: what each is, where all its tags agree. */
import type { Example } from "../../../../src/learn/data/read.ts";
import { entityReader } from "../../../../src/learn/measure/entities.ts";
import type { NameType, Titles } from "./titles.ts";
import type { EntityType } from "./words.ts";

const TYPES: ReadonlySet<string> = new Set<EntityType>(["PER", "LOC", "ORG"]);
const isType = (type: string): type is EntityType => TYPES.has(type);

/**
 * The names of tagged sentences; those of other types than persons, places and organisations are none. Of
 * organisations with a name of one word the type is open: in news on sport they are teams with the names of
 * towns and peoples.
 */
export function annotatedNames(examples: readonly Example[]): Titles {
  const names = new Map<string, NameType>();
  const read = entityReader([...new Set(examples.flatMap(({ labels }) => labels))]);
  for (const { text, words, labels } of examples) {
    for (const [tag, first, last] of read(labels)) {
      const name = text.slice(words[first]!.start, words[last]!.end);
      if (!/^\p{Lu}.*\p{Ll}/u.test(name)) continue;
      const isTeam = tag === "ORG" && first === last;
      const type = isTeam ? "open" : isType(tag) ? tag : null;
      const known = names.get(name);
      names.set(name, known !== undefined && known !== type ? "open" : type);
    }
  }
  return names;
}
