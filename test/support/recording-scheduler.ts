/**
 * A scheduler with an encoder that records what it is given: time and runs are counted, so that
 * nothing that rests on it depends on how fast a machine is.
 */
import type { Queries, Row } from "../../src/core/model/rows.ts";
import { emptyPrefix } from "../../src/core/model/prefix.ts";
import type { Encoder, LoadedBase } from "../../src/engine/engine.ts";
import { createScheduler } from "../../src/serve/queue/scheduler.ts";
import type { Job, Work } from "../../src/serve/queue/job.ts";

export const configuration = {
  num_hidden_layers: 1,
  num_key_value_heads: 1,
  head_dim: 1,
  hidden_size: 1,
  first_position: 0,
  pad_token_id: 0,
  num_bias_deltas: 0,
};

/** A base whose encoder is `encode`; of a base, the queue knows nothing else. */
export const baseWith = (encode: Encoder["encode"]): LoadedBase =>
  ({ manifest: { configuration }, encoder: { encode } }) as unknown as LoadedBase;

/** Answers each row's first id in every position asked for, and keeps the first ids of each run. */
export function recordingBase(onRun: () => void = () => undefined) {
  const runs: number[][] = [];
  const base = baseWith((rows, queries) => {
    const length = queries === "first" ? 1 : Math.max(...rows.map(({ ids }) => ids.length));
    const firstIds = rows.map(({ ids }) => ids[0]!);
    runs.push(firstIds);
    onRun();
    const count = rows.length * length;
    const values = Float32Array.from(
      { length: count },
      (_, i) => firstIds[Math.floor(i / length)]!,
    );
    return Promise.resolve({ dims: [rows.length, length, 1], values });
  });
  return { base, runs };
}

export const row = (id: number, length: number): Row => ({
  ids: new Int32Array(length).fill(id),
  typeIds: new Int32Array(length),
  prefix: emptyPrefix(configuration),
  positionOffset: 0,
});

/** A row whose hidden states are kept as they are. */
export const kept = (own: Row): Work<Float32Array> => ({ row: own, reduce: (hidden) => hidden });

/** Time that only moves when told, and turns that let every other promise go first. */
export function testClock() {
  const clock = {
    time: 0,
    turns: 0,
    onTurn: (): void => undefined,
    now: () => clock.time,
    wait: async () => {
      clock.turns++;
      clock.onTurn();
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
  };
  return clock;
}

export const never = new AbortController().signal;
export const LATER = 1_000_000;

interface Arranged {
  readonly maxBatchTokens?: number;
  readonly maxQueuedTokens?: number;
  readonly hasOneCaller?: boolean;
}

export function arrange(options: Arranged = {}) {
  const clock = testClock();
  const scheduler = createScheduler({
    clock,
    maxBatchTokens: options.maxBatchTokens ?? 64,
    maxQueuedTokens: options.maxQueuedTokens ?? 10_000,
    hasOneCaller: options.hasOneCaller ?? false,
  });
  const submit = (base: LoadedBase, rows: Row[], queries: Queries = "all", deadlineAt = LATER) =>
    scheduler.submit(base, rows.map(kept), queries, deadlineAt);
  const finishAll = (jobs: readonly Job<Float32Array>[], signal = never) =>
    jobs.reduce<Promise<Float32Array[]>>(
      async (done, job) => [...(await done), await scheduler.finish(job, signal)],
      Promise.resolve([]),
    );
  return { clock, scheduler, submit, finishAll };
}
