/** Which cells the table has, and in which order they are made: what tells most comes first. */
import type { Method } from "../../src/learn/methods.ts";
import { TASK_IDS } from "./tasks.ts";
import type { TaskId } from "./tasks.ts";

/**
 * A method with something on top:
 * - prefix-bias-pairs: from a start that other pairs of texts have taught, the mean of three runs
 * - prefix-bias-tone: from a start that tweets have taught, with what people found in them
 */
export const RECIPES = ["prefix-bias-pairs", "prefix-bias-tone"] as const;
export type Recipe = (typeof RECIPES)[number];

/** What a row of the table is trained by. */
export type Contender = Method | Recipe;

export interface Cell {
  readonly task: TaskId;
  readonly method: Contender;
  readonly seed: number;
}

/** Rows of the table, from the head alone to full fine-tuning. */
export const TABLE_METHODS = [
  "linear",
  "prompt",
  "prefix",
  "prefix-projection",
  "bias",
  "prefix-bias",
  "prefix-bias-pairs",
  "prefix-bias-tone",
  "full",
] as const satisfies readonly Contender[];

/** What is served as a task besides the frozen head. */
export const TASK_METHODS: readonly Contender[] = ["prefix", "bias", "prefix-bias", ...RECIPES];

/** Where a variant is tried. */
const CLOSE_LOOK: readonly TaskId[] = ["wnut17", "banking77"];
/** Per task, what comes closest to fine-tuning: it is repeated, and so is fine-tuning. */
const CLOSEST: Readonly<Record<TaskId, Contender>> = {
  wnut17: "prefix-bias",
  banking77: "prefix",
  rte: "prefix-bias-pairs",
  snips: "prefix-bias",
  sst2: "prefix-bias-tone",
  conll2003: "prefix-bias",
};
const REPEATED_SEEDS = 3;

const CONTENDERS = ["prefix", "bias", "prefix-bias", "full"] as const;
const COMPARED = ["linear", "prompt"] as const;

/** Every cell of the table, in the order of work. */
export function allCells(): Cell[] {
  const cells: Cell[] = [];
  const add = (task: TaskId, methods: readonly Contender[], seed = 0): void => {
    for (const method of methods) cells.push({ task, method, seed });
  };
  for (const task of TASK_IDS) add(task, CONTENDERS);
  add("rte", ["prefix-bias-pairs"]);
  add("sst2", ["prefix-bias-tone"]);
  for (const task of TASK_IDS) add(task, COMPARED);
  for (const task of CLOSE_LOOK) add(task, ["prefix-projection"]);
  for (let seed = 1; seed < REPEATED_SEEDS; seed++) {
    for (const task of TASK_IDS) add(task, [CLOSEST[task], "full"], seed);
    add("wnut17", ["prefix"], seed);
  }
  return cells;
}

export interface Choice {
  readonly tasks: readonly TaskId[] | undefined;
  readonly methods: readonly Contender[] | undefined;
  /** The seeds 0 to N-1 of every chosen cell; undefined: as the table has them. */
  readonly seeds: number | undefined;
}

/** The cells of a choice; a method that is asked for by name is made wherever a task is, too. */
export function chosenCells({ tasks, methods, seeds }: Choice): Cell[] {
  const isChosen = ({ task, method }: Cell): boolean =>
    (tasks?.includes(task) ?? true) && (methods?.includes(method) ?? true);
  const named: Cell[] =
    tasks && methods
      ? tasks.flatMap((task) => methods.map((method) => ({ task, method, seed: 0 })))
      : [];
  const listed = [...allCells().filter(isChosen), ...named];
  if (seeds === undefined) return withoutRepeats(listed);
  const each = withoutRepeats(listed.map((cell) => ({ ...cell, seed: 0 })));
  return Array.from({ length: seeds }, (_, seed) => each.map((cell) => ({ ...cell, seed }))).flat();
}

/** `wnut17.prefix.0`: name of a cell's file and of its work folder. */
export const cellName = ({ task, method, seed }: Cell): string => `${task}.${method}.${seed}`;

const withoutRepeats = (cells: readonly Cell[]): Cell[] => [
  ...new Map(cells.map((cell) => [cellName(cell), cell])).values(),
];
