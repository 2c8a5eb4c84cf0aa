/**
 * Pairs of texts out of texts with one label each: "same" when both have the label, "different"
 * when not. Half of the different ones are hard: the second text is taken from one of the labels whose
 * texts use the most similar words. So any table of intents also teaches to tell whether two
 * questions ask the same.
 */
import type { Example } from "./read.ts";
import { derive, uniforms } from "../random.ts";
import type { Key } from "../random.ts";

const PAIR_LABELS = { same: "same", different: "different" } as const;

export interface TextPair {
  readonly text: string;
  readonly text_pair: string;
  readonly label: "same" | "different";
}

/** Labels near enough to be mistaken for each other. */
const NEAR_LABELS = 4;
const HARD_SHARE = 0.5;

/**
 * Two pairs for every text, one of either kind, in the order of `examples`; a text whose label has
 * no other text gets only the different one. Throws RangeError when there is only one label.
 */
export function questionPairs(examples: readonly Example[], key: Key): TextPair[] {
  const groups = Map.groupBy(examples, ({ labels }) => labels[0]!);
  if (groups.size < 2) throw new RangeError(`pairs: ${groups.size} label, at least 2 are needed`);
  const texts = new Map([...groups].map(([label, rows]) => [label, rows.map(({ text }) => text)]));
  const near = nearLabels(texts);
  const uniform = uniforms(derive(key, "pairs"));
  const pick = <T>(items: readonly T[]): T => items[Math.floor(uniform() * items.length)]!;
  const all = [...texts.keys()];
  return examples.flatMap(({ text, labels }) => {
    const label = labels[0]!;
    const alike = texts.get(label)!.filter((other) => other !== text);
    const isHard = uniform() < HARD_SHARE;
    const other = pick(isHard ? near.get(label)! : all.filter((name) => name !== label));
    const pairs: TextPair[] = [
      { text, text_pair: pick(texts.get(other)!), label: PAIR_LABELS.different },
    ];
    if (alike.length > 0) pairs.push({ text, text_pair: pick(alike), label: PAIR_LABELS.same });
    return pairs;
  });
}

/** For each label those whose texts have the nearest words: cosine of TF-IDF, a label a document. */
export function nearLabels(
  texts: ReadonlyMap<string, readonly string[]>,
): Map<string, readonly string[]> {
  const counts = new Map([...texts].map(([label, list]) => [label, wordCounts(list)]));
  const occurrences = new Map<string, number>();
  for (const words of counts.values()) {
    for (const word of words.keys()) occurrences.set(word, (occurrences.get(word) ?? 0) + 1);
  }
  const vectors = new Map(
    [...counts].map(([label, words]) => [
      label,
      unit(
        new Map(
          [...words].map(([word, count]) => [
            word,
            Math.log1p(count) * Math.log(texts.size / occurrences.get(word)!),
          ]),
        ),
      ),
    ]),
  );
  return new Map(
    [...vectors].map(([label, vector]) => {
      const others = [...vectors].filter(([name]) => name !== label);
      const nearest = others
        .map(([name, other]) => ({ name, cosine: dot(vector, other) }))
        .sort((a, b) => b.cosine - a.cosine || (a.name < b.name ? -1 : 1));
      return [label, nearest.slice(0, NEAR_LABELS).map(({ name }) => name)];
    }),
  );
}

function wordCounts(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

type Vector = ReadonlyMap<string, number>;

const dot = (a: Vector, b: Vector): number =>
  [...a].reduce((sum, [word, value]) => sum + value * (b.get(word) ?? 0), 0);

/** Length 1; a vector of zeros (every word is in every label) stays one. */
function unit(vector: Vector): Vector {
  const length = Math.sqrt(dot(vector, vector)) || 1;
  return new Map([...vector].map(([word, value]) => [word, value / length]));
}
