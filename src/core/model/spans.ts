/**
 * Tags of word pieces -> entities with offsets, with the semantics of Hugging Face's token
 * classification pipeline (`aggregation_strategy`), for IO, BIO and BIOES tag sets.
 *
 * Two differences, on purpose. `word` is the text between `start` and `end`, not the joined pieces,
 * so that case, accents and spacing survive and `text.slice(start, end) === word` in UTF-16 units.
 * And a label without a position keeps its whole name: of `person-actor` the pipeline would answer
 * the group `actor`, and of `event-other` and `place-other` the same `other`.
 */
import { softmax } from "./decode.ts";
import type { TaskSettings } from "./task.ts";
import { codePointOffsets, wordRanges } from "../tokenizer/tokenizer.ts";
import type { Pieces } from "../tokenizer/tokenizer.ts";
import { atOnce } from "../turns.ts";
import type { InTurns } from "../turns.ts";

export type AggregationStrategy = "none" | "simple" | "first" | "average" | "max";
export type OffsetUnit = "codepoint" | "utf16";

export interface EntityOptions {
  readonly aggregation_strategy?: AggregationStrategy | undefined;
  readonly ignore_labels?: readonly string[] | undefined;
  readonly offset_unit?: OffsetUnit | undefined;
  /** Entities that score lower are left out. */
  readonly min_score?: number | undefined;
  /** Row of the first piece in the model's input; `index` counts from there. 1 after [CLS]. */
  readonly firstRow?: number | undefined;
  /** The logits were decided by whole words (transitions.ts): so are the entities. */
  readonly isByWord?: boolean | undefined;
}

/**
 * A span of one entity group, or with strategy "none" a single piece. `word` is the text from `start`
 * to `end`, in the offset unit that was asked for; `score` is a probability.
 */
export type Entity = {
  readonly score: number;
  readonly word: string;
  readonly start: number;
  readonly end: number;
} & ({ readonly entity_group: string } | { readonly entity: string; readonly index: number });

/** What of a manifest turns logits into tags. */
type Decoder = Pick<TaskSettings, "labels" | "temperature">;

/** A piece, or a word's pieces together, with one tag. */
interface Tagged {
  readonly tag: string;
  readonly score: number;
  readonly start: number;
  readonly end: number;
  readonly piece: number;
}

/** Labels that mean "no entity" unless the caller says otherwise. */
const DEFAULT_IGNORE = ["O"];

/**
 * Entities of one text. `logits` has one row [C] per piece of `pieces`, whose offsets are UTF-16
 * units into `text`; offsets come out in `offset_unit` (code points by default, as in Python).
 */
export const findEntities = (...of: Parameters<typeof findEntitiesInTurns>): Entity[] =>
  atOnce(findEntitiesInTurns(...of));

/** The same, with turns for others within a long text. */
export function* findEntitiesInTurns(
  text: string,
  pieces: Pieces,
  logits: readonly Float32Array[],
  manifest: Decoder,
  options: EntityOptions = {},
): InTurns<Entity[]> {
  const asked = options.aggregation_strategy ?? "simple";
  const strategy = options.isByWord && asked !== "none" ? "first" : asked;
  const ignored = new Set(options.ignore_labels ?? DEFAULT_IGNORE);
  const least = options.min_score ?? -Infinity;
  const tagged = yield* tagUnits(pieces, logits, manifest, strategy);
  const unit = options.offset_unit === "utf16" ? (at: number) => at : codePointOffsets(text);
  const place = ({ start, end }: { start: number; end: number }) => ({
    word: text.slice(start, end),
    start: unit(start),
    end: unit(end),
  });

  if (strategy === "none") {
    return tagged
      .filter(({ tag, score }) => !ignored.has(tag) && score >= least)
      .map((item) => ({
        entity: item.tag,
        index: item.piece + (options.firstRow ?? 1),
        score: item.score,
        ...place(item),
      }));
  }
  return groupTags(tagged, tagReader(manifest.labels))
    .filter(({ group }) => !ignored.has(group))
    .map(({ group, members }) => ({
      entity_group: group,
      score: members.reduce((sum, item) => sum + item.score, 0) / members.length,
      ...place({ start: members[0]!.start, end: members.at(-1)!.end }),
    }))
    .filter(({ score }) => score >= least);
}

/** Pieces or words that are tagged before others have a turn. */
const TAGS_A_TURN = 1 << 11;

/** A tag for each piece, or one a word: of its first piece, its surest piece, or its pieces' mean scores. */
function* tagUnits(
  { starts, ends, wordIds }: Pieces,
  logits: readonly Float32Array[],
  { labels, temperature }: Decoder,
  strategy: AggregationStrategy,
): InTurns<Tagged[]> {
  const isByPiece = strategy === "none" || strategy === "simple";
  const units = isByPiece
    ? logits.map((_, piece) => [piece, piece + 1] as const)
    : wordRanges(wordIds);
  const scoresAt = (piece: number): Float64Array => softmax(logits[piece]!, temperature);
  const tagged: Tagged[] = [];
  for (const [from, to] of units) {
    const row =
      isByPiece || strategy === "first"
        ? scoresAt(from)
        : wordScores(
            Array.from({ length: to - from }, (_, i) => scoresAt(from + i)),
            strategy,
          );
    const best = argmax(row);
    tagged.push({
      tag: labels[best]!,
      score: row[best]!,
      start: starts[from]!,
      end: ends[to - 1]!,
      piece: from,
    });
    if (tagged.length % TAGS_A_TURN === 0) yield;
  }
  return tagged;
}

/** Scores of a word out of those of its pieces. */
function wordScores(rows: readonly Float64Array[], strategy: "average" | "max"): Float64Array {
  const first = rows[0]!;
  switch (strategy) {
    case "max":
      return rows.reduce(
        (best, row) => (row[argmax(row)]! > best[argmax(best)]! ? row : best),
        first,
      );
    case "average":
      return first.map((_, c) => rows.reduce((sum, row) => sum + row[c]!, 0) / rows.length);
    default:
      return strategy satisfies never;
  }
}

function argmax(row: Float64Array): number {
  let best = 0;
  for (let c = 1; c < row.length; c++) if (row[c]! > row[best]!) best = c;
  return best;
}

/** What a tag says: its entity type, and whether it must begin or must end an entity. */
export interface Tag {
  readonly type: string;
  readonly isBegin: boolean;
  readonly isEnd: boolean;
}

/**
 * Reads the tags of a label set. Only where some label begins with `B-` or `I-` are prefixes
 * positions; the labels of an IO set are whole names, such as `E-MAIL`.
 */
export function tagReader(labels: readonly string[]): (tag: string) => Tag {
  const hasPositions = labels.some((label) => /^[BI]-./s.test(label));
  return (tag) => {
    const match = hasPositions ? /^([BIESLU])-(.+)$/s.exec(tag) : null;
    if (!match) return { type: tag, isBegin: false, isEnd: false };
    const [, prefix = "", type = ""] = match;
    return { type, isBegin: "BSU".includes(prefix), isEnd: "ESLU".includes(prefix) };
  };
}

/**
 * Groups neighbouring tags into entities: a tag continues the group before it if its type is the same
 * and neither of the two forbids it. Measuring counts entities by the same function.
 */
export function groupTags<T extends { readonly tag: string }>(
  tagged: readonly T[],
  readTag: (tag: string) => Tag,
): { readonly group: string; readonly members: T[] }[] {
  const groups: { group: string; members: T[] }[] = [];
  let isClosed = true;
  for (const item of tagged) {
    const { type, isBegin, isEnd } = readTag(item.tag);
    const last = groups.at(-1);
    if (last && last.group === type && !isBegin && !isClosed) last.members.push(item);
    else groups.push({ group: type, members: [item] });
    isClosed = isEnd;
  }
  return groups;
}
