/** What is compared in the training benchmarks: something that makes training steps, timed. */
import { InputError } from "../../src/core/errors.ts";
import type { TrainGraph } from "../../src/learn/graph/choice.ts";
import type { Pooling } from "../../src/core/model/head.ts";

/** Milliseconds of several steps together. */
export interface Time {
  readonly ms: number;
  /** Of all threads of the process. With one thread it hardly depends on what else runs. */
  readonly cpuMs: number;
}

export interface Contender {
  readonly name: string;
  /** `steps` steps on random tokens without padding. */
  random(batch: number, tokens: number, steps: number): Promise<Time>;
  /** A step on each of these batches of row numbers. */
  batches(batches: readonly (readonly number[])[]): Promise<Time>;
  close(): Promise<void>;
}

/** What each contender trains: a prefix and a head of `numLabels` over one checkpoint. */
export interface Problem {
  readonly pooling: Pooling;
  readonly numLabels: number; // C
  readonly numVirtualTokens: number; // P
  readonly threads: number;
  /** Which graph this project trains; default as `train` chooses. */
  readonly trainGraph?: TrainGraph | undefined;
}

/**
 * Lets contenders take turns: each is measured once a round, so that drift of the machine meets all
 * of them alike, and every other round runs backwards, so that none always follows the same one.
 * Returns the measurements of each contender by round.
 */
export async function inTurn<T>(
  contenders: readonly Contender[],
  rounds: number,
  measure: (contender: Contender, round: number) => Promise<T>,
  signal: AbortSignal,
): Promise<T[][]> {
  const results: T[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    const order = contenders.map((_, i) => i);
    if (round % 2 === 1) order.reverse();
    for (const i of order) {
      if (signal.aborted) throw new InputError("interrupted", "bench: interrupted, nothing kept");
      results[i]![round] = await measure(contenders[i]!, round);
    }
  }
  return results;
}
