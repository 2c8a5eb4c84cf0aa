/**
 * Tags of a word's parts. The words of the data are not always those of the tokenizer (`U.S.` is four
 * of them), and a head that chooses tags together has one for each.
 */
import { tagReader } from "../../core/model/spans.ts";

/**
 * For a tag, the tags of a word's `count` parts: an entity begins with the first of them and ends
 * with the last, as `B-` and `I-`, or `S-` as `B-`, `I-`, `E-`. Labels without positions are those of
 * every part. Where the list lacks a tag, the first part has the word's own and another one none.
 */
export function partTags(
  labels: readonly string[],
): (tag: string, count: number) => readonly (string | null)[] {
  const readTag = tagReader(labels);
  const known = new Set(labels);
  return (tag, count) => {
    if (count === 1) return [tag];
    const { type, isBegin, isEnd } = readTag(tag);
    if (type === tag) return Array.from({ length: count }, () => tag);
    const named = (positions: string): string | null =>
      [...positions].map((position) => `${position}-${type}`).find((name) => known.has(name)) ??
      null;
    const parts = Array.from({ length: count }, () => named("I"));
    parts[0] = (isBegin ? named("B") : parts[0]) ?? tag;
    if (isEnd) parts[count - 1] = named("EL");
    return parts;
  };
}
