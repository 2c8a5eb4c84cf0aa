/**
 * Words that are tagged in one way nearly everywhere, and otherwise in one sentence: an entity that was
 * overlooked, or given another type. Only whole entities are compared, as they are written.
 */
import type { Example } from "../data/read.ts";
import { entityReader } from "./entities.ts";

/** Words of a sentence whose entity type is in doubt. */
export interface TagDoubt {
  readonly row: number;
  readonly words: string;
  /** What they are tagged as here, and elsewhere; O is no entity. */
  readonly own: string;
  readonly label: string;
  /** How many of all places of these words have that. */
  readonly count: number;
  readonly of: number;
}

/** Longer entities seldom occur twice. */
const MAX_WORDS = 6;
/** Places that must have the type, and their share of all. */
const LEAST_PLACES = 3;
const LEAST_SHARE = 0.8;

interface Place {
  readonly row: number;
  readonly type: string;
}

/** Doubts about sentences, those of the most frequent words first; one a sentence. */
export function tagDoubts(examples: readonly Example[], labels: readonly string[]): TagDoubt[] {
  const places = placesOfEntities(examples, labels);
  const found = [...places].flatMap(([words, all]): TagDoubt[] => {
    const counts = new Map<string, number>();
    for (const { type } of all) counts.set(type, (counts.get(type) ?? 0) + 1);
    const [label, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a));
    if (label === NO_ENTITY || count < LEAST_PLACES || count < LEAST_SHARE * all.length) return [];
    return all
      .filter(({ type }) => type !== label)
      .map(({ row, type }) => ({ row, words, own: type, label, count, of: all.length }));
  });
  const sorted = found.sort((a, b) => b.count / b.of - a.count / a.of || b.of - a.of);
  const seen = new Set<number>();
  return sorted.filter(({ row }) => !seen.has(row) && seen.add(row));
}

const NO_ENTITY = "O";

/** Where the words of each entity occur, as an entity or not; parts of other entities do not count. */
function placesOfEntities(
  examples: readonly Example[],
  labels: readonly string[],
): ReadonlyMap<string, readonly Place[]> {
  const entitiesOf = entityReader(labels);
  const sentences = examples.map(({ text, words, labels: tags }) => ({
    words: words.map(({ start, end }) => text.slice(start, end)),
    entities: entitiesOf(tags),
  }));
  const places = new Map<string, Place[]>();
  for (const [row, { words, entities }] of sentences.entries()) {
    for (const [type, first, last] of entities) {
      if (last - first >= MAX_WORDS) continue;
      const key = words.slice(first, last + 1).join(" ");
      const known = places.get(key) ?? [];
      known.push({ row, type });
      places.set(key, known);
    }
  }
  for (const [row, { words, entities }] of sentences.entries()) {
    const isInside = new Uint8Array(words.length);
    for (const [, first, last] of entities) isInside.fill(1, first, last + 1);
    for (let first = 0; first < words.length; first++) {
      for (let end = first; end < Math.min(words.length, first + MAX_WORDS); end++) {
        if (isInside[end] === 1) break;
        const key = words.slice(first, end + 1).join(" ");
        places.get(key)?.push({ row, type: NO_ENTITY });
      }
    }
  }
  return places;
}
