/**
 * A scheduler with a session that records what it is given: time and runs are counted, so that
 * nothing that rests on it depends on how fast a machine is.
 */
import type { Queries, Row } from "../../src/core/model/collate.ts";
import { emptyPrefix } from "../../src/core/model/prefix.ts";
import { INPUT_IDS, LAST_HIDDEN_STATE } from "../../src/core/model/shapes.ts";
import { float32 } from "../../src/core/model/tensor.ts";
import type { Feeds } from "../../src/engine/session.ts";
import type { LoadedBase } from "../../src/serve/model-store.ts";
import { createScheduler } from "../../src/serve/queue/scheduler.ts";
import type { Job, Work } from "../../src/serve/queue/job.ts";

export const manifest = {
  num_hidden_layers: 1,
  num_key_value_heads: 1,
  head_dim: 1,
  hidden_size: 1,
  first_position: 0,
  pad_token_id: 0,
  num_bias_deltas: 0,
};

/** Answers each row's first id in every position, and keeps the first ids of each run. */
export function recordingBase(onRun: () => void = () => undefined) {
  const runs: number[][] = [];
  const run = (feeds: Feeds) => {
    const { dims, data } = feeds[INPUT_IDS]!;
    const [rows = 0, length = 0] = dims;
    const firstIds = Array.from({ length: rows }, (_, b) => Number(data[b * length]));
    runs.push(firstIds);
    onRun();
    const hidden = Float32Array.from(
      { length: rows * length },
      (_, i) => firstIds[Math.floor(i / length)]!,
    );
    return Promise.resolve({ [LAST_HIDDEN_STATE]: float32([rows, length, 1], hidden) });
  };
  const base = { manifest, session: { run } } as unknown as LoadedBase;
  return { base, runs };
}

export const row = (id: number, length: number): Row => ({
  ids: new Int32Array(length).fill(id),
  typeIds: new Int32Array(length),
  prefix: emptyPrefix(manifest),
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

export function arrange(options: { maxBatchTokens?: number; maxQueuedTokens?: number } = {}) {
  const clock = testClock();
  const scheduler = createScheduler({
    clock,
    maxBatchTokens: options.maxBatchTokens ?? 64,
    maxQueuedTokens: options.maxQueuedTokens ?? 10_000,
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
