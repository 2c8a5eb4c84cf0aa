/** Which cells the ladder has: a set, a number of rows, a draw and a contender; and their order of work. */
import { SETS, SET_IDS } from "./sets.ts";
import type { SetId } from "./sets.ts";

/**
 * `train` is what its defaults make of the rows, and of none what the verb `label` makes of the names;
 * `start` the same from a pretrained start, `head` a head alone over frozen states, `prefix` the method
 * that `train` takes where there are many rows, `setfit` the SetFit package of Python. `full` is
 * fine-tuning, whose cells are those of the accuracy table (full.ts).
 */
export const CONTENDERS = ["train", "start", "head", "prefix", "setfit", "full"] as const;
export type Contender = (typeof CONTENDERS)[number];
/** What the ladder makes itself. */
export type MadeContender = Exclude<Contender, "full">;
export const MADE_CONTENDERS = CONTENDERS.filter((name) => name !== "full");
/** As tables and pictures name them. */
export const CONTENDER_TITLES: Readonly<Record<Contender, string>> = {
  train: "train",
  start: "pretrained start",
  head: "head only",
  prefix: "prefix",
  setfit: "SetFit",
  full: "fine-tuning",
};
/** Contenders of a run that names none; SetFit joins them where there is an interpreter. */
export const USUAL_CONTENDERS = ["train", "head"] as const satisfies readonly Contender[];

export interface Cell {
  readonly set: SetId;
  /** Of each class up to 64, else in all (draws.ts). */
  readonly rows: number;
  readonly contender: Contender;
  readonly draw: number;
}

/** Nothing but names, rows a class, rows in all. */
const CLASS_COUNTS = [0, 4, 8, 16, 32, 64, 1_000, 5_000] as const;
/** Few pairs teach no relation between texts. */
const PAIR_COUNTS = [1_000, 5_000] as const;
/** Sentences with tags. */
const TAG_COUNTS = [50, 200, 1_000, 5_000] as const;
const ALL_COUNTS = [...new Set<number>([...CLASS_COUNTS, ...TAG_COUNTS])].sort((a, b) => a - b);
export const ROW_COUNTS: readonly string[] = ALL_COUNTS.map(String);

export function countsOf(set: SetId): readonly number[] {
  const { type, isPair } = SETS[set];
  return type === "token" ? TAG_COUNTS : isPair ? PAIR_COUNTS : CLASS_COUNTS;
}

const DRAWS = 5;
/** Many rows differ less from draw to draw, and take longer. */
const DRAWS_OF_MANY_ROWS = 3;
const MANY_ROWS = 200;
const MOST_ROWS = 5_000;
/** 77 classes make long runs, and of 616 rows the draws differ little. */
const DRAWS_OF_MANY_CLASSES = 3;

function drawsOf(set: SetId, rows: number): number {
  if (rows === 0 || rows >= MOST_ROWS) return 1;
  const isMany = rows > MANY_ROWS;
  if (set === "banking77") return DRAWS_OF_MANY_CLASSES;
  return isMany ? DRAWS_OF_MANY_ROWS : DRAWS;
}

export interface Choice {
  readonly sets?: readonly SetId[] | undefined;
  readonly rows?: readonly string[] | undefined;
  /** The draws 0 to N-1 of every cell; undefined: as many as the plan has. */
  readonly draws?: number | undefined;
  readonly contenders: readonly MadeContender[];
}

/** The cells of a choice. Contenders of one draw follow each other, so that they meet one state of the machine. */
export function chosenCells({ sets = SET_IDS, rows, draws, contenders }: Choice): Cell[] {
  return ALL_COUNTS.filter((count) => rows?.includes(String(count)) ?? true).flatMap((count) =>
    sets
      .filter((set) => countsOf(set).includes(count))
      .flatMap((set) =>
        Array.from({ length: draws ?? drawsOf(set, count) }, (_, draw) =>
          contenders
            .filter((contender) => canLearn(contender, set, count))
            .map((contender): Cell => ({ set, rows: count, contender, draw })),
        ).flat(),
      ),
  );
}

/**
 * Names alone are for sets whose labels have some, and for `train`; there is a start for pairs, and SetFit
 * labels whole single texts.
 */
function canLearn(contender: Contender, set: SetId, rows: number): boolean {
  const { type, isPair, nameOf } = SETS[set];
  if (rows === 0) return contender === "train" && nameOf !== undefined;
  if (contender === "start") return isPair === true;
  return contender !== "setfit" || (type === "sequence" && !isPair);
}

/** `sst2.8.train.0`: name of a cell's file. */
export const cellName = ({ set, rows, contender, draw }: Cell): string =>
  `${set}.${rows}.${contender}.${draw}`;

/** `sst2-8-0`: the rows of a cell, whatever learns them. */
export const drawName = ({ set, rows, draw }: Cell): string => `${set}-${rows}-${draw}`;
