/** Which cells the ladder has: a set, a number of rows, a draw and a contender; and their order of work. */
import type { RowCount } from "./draws.ts";
import { SETS, SET_IDS } from "./sets.ts";
import type { SetId } from "./sets.ts";

/**
 * `train` is what its defaults make of the rows, `head` a head alone over frozen states, `prefix` the
 * method that `train` takes where there are many rows, `setfit` the SetFit package of Python.
 */
export const CONTENDERS = ["train", "head", "prefix", "setfit"] as const;
export type Contender = (typeof CONTENDERS)[number];
/** As tables and pictures name them. */
export const CONTENDER_TITLES: Readonly<Record<Contender, string>> = {
  train: "train",
  head: "head only",
  prefix: "prefix",
  setfit: "SetFit",
};
/** Contenders of a run that names none; SetFit joins them where there is an interpreter. */
export const USUAL_CONTENDERS = ["train", "head"] as const satisfies readonly Contender[];

export interface Cell {
  readonly set: SetId;
  readonly rows: RowCount;
  readonly contender: Contender;
  readonly draw: number;
}

/** Rows a class. */
const CLASS_COUNTS: readonly RowCount[] = [4, 8, 16, 32, 64, 200, "all"];
/** Sentences with tags. */
const TAG_COUNTS: readonly RowCount[] = [50, 200, 1_000];
export const ROW_COUNTS = ["4", "8", "16", "32", "50", "64", "200", "1000", "all"] as const;

export const countsOf = (set: SetId): readonly RowCount[] =>
  SETS[set].type === "token" ? TAG_COUNTS : CLASS_COUNTS;

const DRAWS = 5;
/** Many rows differ less from draw to draw, and take longer. */
const DRAWS_OF_MANY_ROWS = 3;
const MANY_ROWS = 200;
/** 77 classes make long runs, and of 616 rows the draws differ little. */
const DRAWS_OF_MANY_CLASSES = 3;

function drawsOf(set: SetId, rows: RowCount): number {
  if (rows === "all") return 1;
  const isMany = SETS[set].type === "token" ? rows > MANY_ROWS : rows >= MANY_ROWS;
  if (set === "banking77") return DRAWS_OF_MANY_CLASSES;
  return isMany ? DRAWS_OF_MANY_ROWS : DRAWS;
}

export interface Choice {
  readonly sets?: readonly SetId[] | undefined;
  readonly rows?: readonly (typeof ROW_COUNTS)[number][] | undefined;
  /** The draws 0 to N-1 of every cell; undefined: as many as the plan has. */
  readonly draws?: number | undefined;
  readonly contenders: readonly Contender[];
}

/** The cells of a choice. Contenders of one draw follow each other, so that they meet one state of the machine. */
export function chosenCells({ sets = SET_IDS, rows, draws, contenders }: Choice): Cell[] {
  const counts = [...new Set([...CLASS_COUNTS, ...TAG_COUNTS])];
  return counts
    .filter((count) => rows?.some((name) => name === String(count)) ?? true)
    .flatMap((count) =>
      sets
        .filter((set) => countsOf(set).includes(count))
        .flatMap((set) =>
          Array.from({ length: draws ?? drawsOf(set, count) }, (_, draw) =>
            contenders
              .filter((contender) => canLearn(contender, set))
              .map((contender): Cell => ({ set, rows: count, contender, draw })),
          ).flat(),
        ),
    );
}

/** SetFit labels whole texts only. */
const canLearn = (contender: Contender, set: SetId): boolean =>
  contender !== "setfit" || SETS[set].type === "sequence";

/** `sst2.8.train.0`: name of a cell's file. */
export const cellName = ({ set, rows, contender, draw }: Cell): string =>
  `${set}.${rows}.${contender}.${draw}`;

/** `sst2-8-0`: the rows of a cell, whatever learns them. */
export const drawName = ({ set, rows, draw }: Cell): string => `${set}-${rows}-${draw}`;
