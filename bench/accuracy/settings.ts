/**
 * How each method is trained on each kind of task: one table, chosen by hand on WNUT-17 and
 * banking77 and never on a reported split. Everything else is `train`'s default.
 */
import type { TaskType } from "../../src/core/model/task.ts";
import { hasVirtualTokens } from "../../src/learn/methods.ts";
import type { Method, Hyperparameters } from "../../src/learn/methods.ts";
import type { Contender, Recipe } from "./plan.ts";
import { TASKS } from "./tasks.ts";
import type { TaskId } from "./tasks.ts";

/** Rows learned from: the largest sets cost hours a cell beyond it, and rank methods alike. */
export const MAX_ROWS = 5_000;
/** Rows that choose the epoch: enough to tell epochs apart, and answered after each. */
export const MAX_SELECTION_ROWS = 1_000;

interface Setting {
  /** P; 0 for a method without virtual tokens. */
  readonly P: number;
  readonly lr: number;
  readonly epochs: number;
}

const SETTINGS: Readonly<Record<Method, Readonly<Record<TaskType, Setting>>>> = {
  prefix: {
    sequence: { P: 16, lr: 1e-2, epochs: 8 },
    token: { P: 32, lr: 5e-3, epochs: 8 },
  },
  "prefix-projection": {
    sequence: { P: 16, lr: 1e-3, epochs: 8 },
    token: { P: 32, lr: 3e-4, epochs: 8 },
  },
  prompt: {
    sequence: { P: 16, lr: 1e-2, epochs: 8 },
    token: { P: 16, lr: 1e-2, epochs: 8 },
  },
  linear: {
    sequence: { P: 0, lr: 5e-3, epochs: 10 },
    token: { P: 0, lr: 5e-3, epochs: 10 },
  },
  bias: {
    sequence: { P: 0, lr: 3e-3, epochs: 6 },
    token: { P: 0, lr: 3e-3, epochs: 6 },
  },
  "prefix-bias": {
    sequence: { P: 16, lr: 5e-3, epochs: 6 },
    token: { P: 32, lr: 5e-3, epochs: 6 },
  },
  full: {
    sequence: { P: 0, lr: 1e-4, epochs: 4 },
    token: { P: 0, lr: 1e-4, epochs: 4 },
  },
};

/** What a single data set needs otherwise. */
const EXCEPTIONS: Partial<Record<TaskId, Partial<Record<Method, Partial<Setting>>>>> = {
  rte: { full: { lr: 5e-5 } },
};

/** What tasks of other data have taught together: folders that `pretrain` wrote on the 8-bit base. */
export const STARTS = ["pairs", "tone"] as const;
export type Start = (typeof STARTS)[number];

interface RecipeSettings {
  readonly method: Method;
  readonly start: Start;
  /** On top of the method's settings. */
  readonly changes?: { readonly epochs: number; readonly average: number };
}

const RECIPE_SETTINGS: Readonly<Record<Recipe, RecipeSettings>> = {
  "prefix-bias-pairs": {
    method: "prefix-bias",
    start: "pairs",
    changes: { epochs: 2, average: 3 },
  },
  "prefix-bias-tone": { method: "prefix-bias", start: "tone" },
};

/** The method of a row of the table. */
export const methodOf = (contender: Contender): Method =>
  isRecipe(contender) ? RECIPE_SETTINGS[contender].method : contender;

/** What a row of the table begins with; undefined: random numbers. */
export const startOf = (contender: Contender): Start | undefined =>
  isRecipe(contender) ? RECIPE_SETTINGS[contender].start : undefined;

const isRecipe = (contender: Contender): contender is Recipe =>
  Object.hasOwn(RECIPE_SETTINGS, contender);

/** Small data, labelling and whole models take small batches. */
const batchOf = (task: TaskId, method: Method): number =>
  TASKS[task].type === "token" || task === "rte" || method === "full" ? 16 : 32;

/** Settings of a cell, in the words of task.json. */
export function settingsOf(
  task: TaskId,
  contender: Contender,
): { num_virtual_tokens?: number; hyperparameters: Partial<Hyperparameters> } {
  const method = methodOf(contender);
  const changes = isRecipe(contender) ? RECIPE_SETTINGS[contender].changes : undefined;
  const { P, lr, epochs } = {
    ...SETTINGS[method][TASKS[task].type],
    ...EXCEPTIONS[task]?.[method],
    ...(changes && { epochs: changes.epochs }),
  };
  return {
    ...(hasVirtualTokens(method) && { num_virtual_tokens: P }),
    hyperparameters: {
      learning_rate: lr,
      epochs,
      batch_size: batchOf(task, method),
      prefix_dropout: 0,
      patience: 0,
      ...(changes && { average: changes.average }),
    },
  };
}
