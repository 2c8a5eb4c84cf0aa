/**
 * Settings that work without thought: what a person does not give is chosen from the method, the type
 * and the size of the data, with a short reason. They are rules of thumb; `sweep` searches for better ones.
 */
import type { TaskType } from "../../core/model/task.ts";
import { quantile } from "../measure/bootstrap.ts";
import { hasVirtualTokens, methodDefaults } from "../methods.ts";
import type { Hyperparameters } from "../methods.ts";
import type { Recipe } from "./recipe.ts";
import type { TaskSpec } from "./spec.ts";

/** What the choices depend on. */
export interface DataShape {
  readonly type: TaskType;
  readonly rows: number;
  readonly evaluationRows: number;
  /** Tokens of each training text, special tokens included; empty when not known. */
  readonly lengths: readonly number[];
  /** Longest input of the base in tokens. */
  readonly baseMaxLength: number;
  /** The run goes by epochs, however few rows choose one. */
  readonly byEpochs?: boolean;
}

export interface Settings {
  readonly numVirtualTokens: number;
  readonly maxLength: number;
  readonly hyperparameters: Hyperparameters;
  /** Setting as in task.json -> why it was chosen; nothing for what was asked for. */
  readonly reasons: Readonly<Record<string, string>>;
}

/** Classification needs few, labelling more: the paper's lists run from 8 to 128. */
const VIRTUAL_TOKENS: Readonly<Record<TaskType, number>> = { sequence: 16, token: 32 };
/** Bounds of the longest window in tokens: time grows with it, and short ones read few texts whole. */
const LENGTH_RANGE = [128, 256] as const;
const LENGTH_STEP = 64;
/** Share of the texts that should fit a window. */
const FITTING = 0.98;
/**
 * Below this many evaluation rows, chance moves the score more than an epoch does: an early epoch is taken
 * for the best, at a learning rate that had not fallen yet (docs/training.md).
 */
const ENOUGH_TO_CHOOSE = 200;
/** Shorter runs have nothing to save. */
const EPOCHS_TO_STOP = 9;

/**
 * A contrastive run compares as many rows as it can at once, and few updates are enough where the head is
 * fitted afterwards: 40 at half the rate answer as well (docs/few-rows.md).
 */
const CONTRASTIVE = {
  learning_rate: 4e-3,
  steps: 20,
  batch_size: 64,
  warmup_ratio: 0.1,
};

/** Every setting of a run: what `spec` asks for, the rest chosen. */
export function chooseSettings(
  { method, objective }: Pick<Recipe, "method" | "objective">,
  shape: DataShape,
  spec: TaskSpec,
): Settings {
  const { rows, type, baseMaxLength, lengths } = shape;
  const reasons: Record<string, string> = {};
  const choose = <T>(name: string, asked: T | undefined, [value, reason]: [T, string]): T => {
    if (asked !== undefined) return asked;
    reasons[name] = reason;
    return value;
  };
  const of = `${rows.toLocaleString("en")} rows`;
  const hasPrefix = hasVirtualTokens(method);
  const numVirtualTokens = hasPrefix
    ? choose("num_virtual_tokens", spec.num_virtual_tokens, [
        VIRTUAL_TOKENS[type],
        type === "token" ? "labelling takes longer prefixes" : "enough for one answer a text",
      ])
    : 0;
  const maxLength = choose("max_length", spec.max_length, lengthFor(lengths, baseMaxLength));
  const { hyperparameters: asked } = spec;
  const common = { ...methodDefaults(method), weight_decay: 0.01, max_grad_norm: 1 };
  // Without evaluation rows there is no epoch to choose, so the run is one.
  const hasEpochs = shape.evaluationRows > 0;
  if (objective === "contrastive") {
    const isOpen = asked.epochs === undefined && asked.steps === undefined;
    if (isOpen) reasons["steps"] = "the head is fitted afterwards";
    const { steps, ...rest } = { ...common, ...CONTRASTIVE, epochs: 1, patience: 0, ...asked };
    const byEpochs = asked.epochs !== undefined && asked.steps === undefined;
    const all = byEpochs ? rest.epochs * Math.ceil(rows / rest.batch_size) : steps;
    const length = hasEpochs ? (byEpochs ? {} : { steps }) : { epochs: 1, steps: all, patience: 0 };
    return { numVirtualTokens, maxLength, hyperparameters: { ...rest, ...length }, reasons };
  }
  const batchSize = choose("batch_size", asked.batch_size, [batchFor(rows), `for ${of}`]);
  if (asked.learning_rate === undefined) reasons["learning_rate"] = `for ${method}`;
  const own = { ...common, warmup_ratio: 0.06, ...asked, batch_size: batchSize };
  const isOpen = asked.epochs === undefined && asked.patience === undefined && !shape.byEpochs;
  const isOne = isOpen && hasEpochs && shape.evaluationRows < ENOUGH_TO_CHOOSE;
  if (asked.steps !== undefined || isOne || !hasEpochs) {
    if (isOne && asked.steps === undefined) {
      reasons["steps"] = "few evaluation rows: no epoch is chosen by them";
    }
    const passes = isOne
      ? passesFor(rows, spec.init !== undefined)
      : (asked.epochs ?? epochsFor(rows));
    const steps = asked.steps ?? passes * Math.ceil(rows / batchSize);
    const hyperparameters = { ...own, epochs: 1, steps, patience: 0 };
    return { numVirtualTokens, maxLength, hyperparameters, reasons };
  }
  const epochs = choose("epochs", asked.epochs, [epochsFor(rows), `for ${of}`]);
  const wanted = patienceFor(epochs, shape.evaluationRows);
  const patience = choose("patience", asked.patience, wanted);
  return { numVirtualTokens, maxLength, hyperparameters: { ...own, epochs, patience }, reasons };
}

/** Falls with the root of the rows, from 30 for a few hundred to 4 from some fifteen thousand on. */
const epochsFor = (rows: number): number => byRoot(rows, 5, [4, 30]);

/**
 * The same where no epoch is chosen: two thirds more gain nothing. From a start, more passes only learn the
 * rows by heart (docs/training.md).
 */
const passesFor = (rows: number, hasStart: boolean): number =>
  byRoot(rows, hasStart ? 1 : 3, [3, 20]);

/** Passes over the rows: so many over 10,000, and more over fewer by the root of the ratio. */
const byRoot = (rows: number, over10k: number, [least, most]: readonly [number, number]): number =>
  Math.min(most, Math.max(least, Math.round(over10k * Math.sqrt(10_000 / rows))));

/** Small batches, so that small data still makes enough steps. */
const batchFor = (rows: number): number => (rows < 500 ? 8 : rows < 2_000 ? 16 : 32);

/**
 * A third of the epochs without a better score. The learning rate falls all the time and late
 * epochs still gain, so fewer epochs would stop runs that still improve.
 */
function patienceFor(epochs: number, evaluationRows: number): [number, string] {
  if (epochs < EPOCHS_TO_STOP) return [0, "few epochs: all are made"];
  if (evaluationRows < ENOUGH_TO_CHOOSE) return [0, "few evaluation rows: all epochs are made"];
  return [Math.ceil(epochs / 3), "a third of the epochs"];
}

/** The least multiple of 64 tokens, from 128 to 256, that most texts fit in. */
function lengthFor(lengths: readonly number[], baseMaxLength: number): [number, string] {
  const [shortest, longest] = LENGTH_RANGE;
  const most = quantile(
    lengths.toSorted((a, b) => a - b),
    FITTING,
  );
  const wanted = Math.ceil(most / LENGTH_STEP) * LENGTH_STEP;
  const value = Math.min(baseMaxLength, longest, Math.max(shortest, wanted));
  if (lengths.length === 0) return [Math.min(baseMaxLength, longest), "the usual length"];
  const fitting = lengths.filter((length) => length <= value).length / lengths.length;
  return [value, `${Math.floor(fitting * 100)} % of the texts fit`];
}
