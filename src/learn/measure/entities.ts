/**
 * Tags -> entities, grouped by the code that serves (core/model/spans.ts): an entity that is counted
 * here is one that the endpoint answers. For the tag sets that seqeval knows (IOB1, IOB2, BIOES) its
 * default mode finds the same entities.
 */
import { groupTags, tagReader } from "../../core/model/spans.ts";

/** An entity: its type, and its first and last word, or UTF-16 unit. */
export type TagSpan = readonly [type: string, start: number, end: number];

/** Reads the entities of tag sequences of one task; `labels` are the task's. */
export function entityReader(
  labels: readonly string[],
): (tags: readonly string[]) => readonly TagSpan[] {
  const readTag = tagReader(labels);
  return (tags) =>
    groupTags(
      tags.map((tag, at) => ({ tag, at })),
      readTag,
    )
      .filter(({ group }) => group !== "O")
      .map(({ group, members }) => [group, members[0]!.at, members.at(-1)!.at]);
}
