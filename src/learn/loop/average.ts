/**
 * The mean of several runs from one start (model soups, Wortsman et al. 2022, arXiv 2203.05482). Runs that
 * see the rows in other orders agree in what holds for other rows, and differ in what they learned by heart.
 * They begin with the same parameters, so their mean is a model, too, and costs no more to serve than one.
 */
import type { Arrays } from "../graph/parameters.ts";
import { adamw } from "./optim.ts";
import type { RunState } from "./run-state.ts";

/** Runs whose mean is the result. */
export interface Average {
  readonly runs: number;
  /** The parameters that each begins with. */
  readonly start: Arrays;
}

/**
 * The state after the last epoch of a run, or an early end: its best parameters join the mean. The next run
 * stands before its first step; after the last one the mean is what `params` holds, and is not measured.
 */
export function withRun(state: RunState, { runs, start }: Average, epochs: number): RunState {
  const count = (state.averaged?.runs ?? 0) + 1;
  const mean = meanWith(state.averaged?.params ?? start, state.best!.params, count);
  const isLast = count === runs;
  const params = isLast ? mean : start;
  return {
    ...state,
    // As if an early end had made its other epochs, so that every run has batches of its own.
    epoch: count * epochs,
    params,
    optimizer: isLast ? state.optimizer : adamw({ learningRate: 0 }).init(start),
    best: null,
    averaged: { runs: count, params: mean },
  };
}

/** The mean of `count` parameters, of which `mean` is that of all but the last. */
function meanWith(mean: Arrays, last: Arrays, count: number): Arrays {
  return Object.fromEntries(
    Object.entries(last).map(([name, values]) => {
      const before = mean[name]!;
      return [name, values.map((value, i) => before[i]! + (value - before[i]!) / count)];
    }),
  );
}
