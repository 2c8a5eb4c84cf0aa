/**
 * Tags of a word's parts. The words of the data are not always those of the tokenizer (`U.S.` is four
 * of them), and a head that chooses tags together has one for each.
 */
import { tagReader } from "../../../src/core/spans.ts";

/**
 * For a tag, the tags of a word's `count` parts: an entity begins with the first of them and ends
 * with the last, as `B-` and `I-`, or `S-` as `B-`, `I-`, `E-`. A tag that the list lacks stays what
 * the word has, as do labels without positions.
 */
export function partTags(
  labels: readonly string[],
): (tag: string, count: number) => readonly string[] {
  const readTag = tagReader(labels);
  const known = new Set(labels);
  return (tag, count) => {
    if (count === 1) return [tag];
    const { type, isBegin, isEnd } = readTag(tag);
    const named = (positions: string): string =>
      [...positions].map((position) => `${position}-${type}`).find((name) => known.has(name)) ??
      tag;
    const inner = type === tag ? tag : named("I");
    const parts = Array.from({ length: count }, () => inner);
    if (isBegin) parts[0] = named("B");
    if (isEnd) parts[count - 1] = named("EL");
    return parts;
  };
}
