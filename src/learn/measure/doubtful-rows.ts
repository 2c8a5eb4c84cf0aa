/**
 * Training rows whose label is probably wrong: rows around them and what was learned without them say
 * another one, or a row with nearly the same text does; or words are tagged otherwise nearly everywhere. With few rows one wrong label costs more than
 * any setting gains, so a person should look at these first.
 */
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import type { Example } from "../data/read.ts";
import type { FeatureRows } from "../head/fit-head.ts";
import { claimsOf, conflictsWithin } from "./conflicting-texts.ts";
import type { Conflict } from "./conflicting-texts.ts";
import { labelDoubts } from "./label-doubts.ts";
import type { LabelDoubt } from "./label-doubts.ts";
import { tagDoubts } from "./tag-doubts.ts";
import type { TagDoubt } from "./tag-doubts.ts";
import { compareRows, directionsOf } from "./neighbours.ts";

/** Why a row is doubtful. */
export type Doubt =
  | {
      readonly kind: "neighbours";
      /** What they have instead. */
      readonly label: string;
      /** How many of the nearest rows have it, and how many were asked. */
      readonly count: number;
      readonly of: number;
    }
  | {
      readonly kind: "words";
      /** How the row's doubtful words are tagged elsewhere. */
      readonly label: string;
      /** How many of all places of these words are tagged like that. */
      readonly count: number;
      readonly of: number;
    }
  | {
      readonly kind: "text";
      /** Another row with nearly this text, and what it has instead. */
      readonly other: number;
      readonly text: string;
      readonly labels: readonly string[];
    };

export interface DoubtfulRow {
  /** Its number among the training rows. */
  readonly row: number;
  readonly text: string;
  readonly pair?: string | undefined;
  /** Its labels; of tags the doubtful ones, with their words: `London: O`. */
  readonly labels: readonly string[];
  readonly why: Doubt;
}

/** The same with its place in the data files. */
export interface DoubtfulFact extends DoubtfulRow {
  /** Where it stands: `reviews.csv:12`. */
  readonly place: string;
  /** Where the row stands that it contradicts. */
  readonly otherPlace?: string | undefined;
}

export interface DoubtOptions {
  readonly type: TaskType;
  readonly problemType: ProblemType;
  readonly labels: readonly string[];
  /** Features of the rows by an encoder that they did not teach; null: only equal texts are compared. */
  readonly features: FeatureRows | null;
  /** Scores [C] of cross-validation, null for rows never held out. */
  readonly answers?: readonly (ArrayLike<number> | null)[];
}

/** Nearest rows that are asked; fewer where labels have fewer rows. */
const NEIGHBOURS = { most: 10, least: 3 } as const;
/** Cosine, around the mean, from which two texts say nearly the same. */
const NEAR = 0.92;
/** More doubtful rows than this say something about the features and not about the labels. */
const MOST = { share: 0.05, least: 3 } as const;
/** Every row is compared with every other; more of them would take a minute. */
export const MAX_COMPARED_ROWS = 4_000;

/** Rows to look at: first texts that contradict themselves, then the rest, most doubtful first. */
export function doubtfulRows(examples: readonly Example[], options: DoubtOptions): DoubtfulRow[] {
  const { type, problemType, labels, answers } = options;
  const isCompared = type === "sequence" && examples.length <= MAX_COMPARED_ROWS;
  const features = isCompared ? options.features : null;
  const rowsOfLabel = Math.round(examples.length / Math.max(1, labels.length));
  const count = Math.min(NEIGHBOURS.most, Math.max(NEIGHBOURS.least, rowsOfLabel));
  const { nearest, pairs } = features
    ? compareRows(directionsOf(features), { count, bound: NEAR })
    : { nearest: [], pairs: [] };
  const doubts = features
    ? labelDoubts(examples, { problemType, labels, features, nearest, answers })
    : [];
  const { sameTexts, nearTexts } = conflictsWithin(examples, pairs, { type, problemType });
  const isNamed = new Set([...sameTexts, ...nearTexts].flatMap(({ row, other }) => [row, other]));
  const isDoubted = new Set(doubts.map(({ row }) => row));

  const shown = (row: number) => {
    const { text, pair } = examples[row]!;
    return { row, text, ...(pair !== undefined && { pair }) };
  };
  const byText = ({ row, other }: Conflict): DoubtfulRow => {
    const [own, its] = [examples[row]!, examples[other]!];
    const why = { kind: "text", other, text: its.text, labels: claimsOf(its, own, type) } as const;
    return { ...shown(row), labels: claimsOf(own, its, type), why };
  };
  const byNeighbours = ({ row, label, count }: LabelDoubt): DoubtfulRow => {
    const why = { kind: "neighbours", label, count, of: nearest[row]!.length } as const;
    return { ...shown(row), labels: examples[row]!.labels, why };
  };
  // Of two texts that are nearly the same, the one whose label the neighbours doubt, too.
  const doubtedFirst = ({ row, other }: Conflict): Conflict =>
    isDoubted.has(other) && !isDoubted.has(row) ? { row: other, other: row } : { row, other };
  const byWords = ({ row, words, own, label, count, of }: TagDoubt): DoubtfulRow => ({
    ...shown(row),
    labels: [`${words}: ${own}`],
    why: { kind: "words", label, count, of },
  });
  const guesses = [
    ...nearTexts.map((conflict) => byText(doubtedFirst(conflict))),
    ...doubts
      .filter(({ row }) => !isNamed.has(row))
      .sort((a, b) => b.lead - a.lead)
      .map(byNeighbours),
    ...(type === "token" ? tagDoubts(examples, labels) : [])
      .filter(({ row }) => !isNamed.has(row))
      .map(byWords),
  ];
  const most = Math.max(MOST.least, Math.floor(MOST.share * examples.length));
  return [...sameTexts.map(byText), ...guesses.slice(0, most)];
}
