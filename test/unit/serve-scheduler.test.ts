/**
 * Batching and turns, with a session that records what it is given: time and runs are counted, so
 * that nothing here depends on how fast a machine is.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collate } from "../../src/core/collate.ts";
import type { Queries, Row } from "../../src/core/collate.ts";
import { emptyPrefix } from "../../src/core/prefix.ts";
import { INPUT_IDS, LAST_HIDDEN_STATE } from "../../src/core/shapes.ts";
import { float32 } from "../../src/core/tensor.ts";
import type { Feeds } from "../../src/runtime/session.ts";
import type { LoadedBase } from "../../src/serve/model-store.ts";
import { createAdmission } from "../../src/serve/admission.ts";
import { createScheduler } from "../../src/serve/scheduler.ts";
import type { Job } from "../../src/serve/scheduler.ts";

const manifest = {
  num_hidden_layers: 1,
  num_key_value_heads: 1,
  head_dim: 1,
  hidden_size: 1,
  first_position: 0,
  pad_token_id: 0,
  num_bias_deltas: 0,
};

/** Answers each row's first id in every position, and keeps the first ids of each run. */
function recordingBase(onRun: () => void = () => undefined) {
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

const row = (id: number, length: number): Row => ({
  ids: new Int32Array(length).fill(id),
  typeIds: new Int32Array(length),
  prefix: emptyPrefix(manifest),
  positionOffset: 0,
});

/** Time that only moves when told, and turns that let every other promise go first. */
function testClock() {
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

const never = new AbortController().signal;
const LATER = 1_000_000;

function arrange(options: { maxBatchTokens?: number; maxQueuedTokens?: number } = {}) {
  const clock = testClock();
  const scheduler = createScheduler({
    clock,
    maxBatchTokens: options.maxBatchTokens ?? 64,
    maxQueuedTokens: options.maxQueuedTokens ?? 10_000,
  });
  const submit = (base: LoadedBase, rows: Row[], queries: Queries = "all", deadlineAt = LATER) =>
    scheduler.submit(base, rows, queries, deadlineAt);
  const finishAll = (jobs: readonly Job[], signal = never) =>
    jobs.reduce<Promise<Float32Array[]>>(
      async (done, job) => [...(await done), await scheduler.finish(job, signal)],
      Promise.resolve([]),
    );
  return { clock, scheduler, submit, finishAll };
}

describe("a batch", () => {
  it("holds rows of several requests and gives each its own answer", async () => {
    const { base, runs } = recordingBase();
    const { submit, finishAll } = arrange();
    const [first, second] = [submit(base, [row(1, 8), row(2, 8)]), submit(base, [row(3, 8)])];
    const answers = await Promise.all([finishAll(first), finishAll(second)]);
    expect(runs).toEqual([[1, 3, 2]]);
    expect(answers.flat().map((hidden) => [hidden[0], hidden.length])).toEqual([
      [1, 8],
      [2, 8],
      [3, 8],
    ]);
  });

  it("never has more tokens than allowed, padding included, unless one row alone does", async () => {
    const { base, runs } = recordingBase();
    const { submit, finishAll } = arrange({ maxBatchTokens: 20 });
    await finishAll(submit(base, [row(1, 50), row(2, 10), row(3, 10), row(4, 10)]));
    expect(runs).toEqual([[1], [2, 3], [4]]);
  });

  it("is not padded for the sake of one long row", async () => {
    const { base, runs } = recordingBase();
    const { submit, finishAll } = arrange();
    const jobs = [submit(base, [row(1, 16)]), submit(base, [row(2, 2)])];
    await Promise.all(jobs.map((own) => finishAll(own)));
    expect(runs).toEqual([[1], [2]]);
  });

  it("has one kind of queries", async () => {
    const { base, runs } = recordingBase();
    const { submit, finishAll } = arrange();
    const jobs = [submit(base, [row(1, 8)], "first"), submit(base, [row(2, 8)], "all")];
    const answers = await Promise.all(jobs.map((own) => finishAll(own)));
    expect(runs).toEqual([[1], [2]]);
    expect(answers[0]![0]).toHaveLength(1); // the first position only
  });

  it("cuts the padding off a short row's answer", async () => {
    const { base } = recordingBase();
    const { submit, finishAll } = arrange();
    const jobs = [submit(base, [row(1, 8)]), submit(base, [row(2, 7)])];
    const answers = await Promise.all(jobs.map((own) => finishAll(own)));
    expect(answers.flat().map((hidden) => [...hidden])).toEqual([
      [1, 1, 1, 1, 1, 1, 1, 1],
      [2, 2, 2, 2, 2, 2, 2],
    ]);
  });
});

describe("turns", () => {
  it("lets a short request that comes during a run of a long document be the next to run", async () => {
    const document = Array.from({ length: 20 }, () => row(1, 64));
    const late: { jobs?: Promise<Float32Array[]> } = {};
    const { base, runs } = recordingBase(() => {
      if (runs.length === 3) late.jobs = finishAll(submit(base, [row(9, 4)]));
    });
    const { submit, finishAll } = arrange();
    await finishAll(submit(base, document));
    await late.jobs;
    expect(runs.map(([id]) => id).indexOf(9)).toBe(3); // the fourth run: right after the one under way
  });

  it("lets it be the next even during the very first run of the document", async () => {
    const document = Array.from({ length: 500 }, () => row(1, 64));
    const late: { jobs?: Promise<Float32Array[]> } = {};
    const { base, runs } = recordingBase(() => {
      if (runs.length === 1) late.jobs = finishAll(submit(base, [row(9, 4)]));
    });
    const { submit, finishAll } = arrange({ maxQueuedTokens: 100_000 });
    await finishAll(submit(base, document));
    await late.jobs;
    expect(runs.map(([id]) => id).indexOf(9)).toBe(1);
    expect(runs).toHaveLength(501);
  });

  it("does not let a flood of short requests starve a long document", async () => {
    const flood: Promise<Float32Array[]>[] = [];
    const { base, runs } = recordingBase(() => {
      // With every run another request comes in.
      if (flood.length < 30) flood.push(finishAll(submit(base, [row(9, 4)])));
    });
    const { submit, finishAll } = arrange();
    const document = submit(
      base,
      Array.from({ length: 10 }, () => row(1, 64)),
    );
    await finishAll(document);
    const others = runs.slice(0, runs.map(([id]) => id).lastIndexOf(1)).filter(([id]) => id === 9);
    expect(others.length).toBeLessThanOrEqual(document.length);
    await Promise.all(flood);
  });

  it("gives the host a turn between any two runs of one request", async () => {
    const turnsAtRun: number[] = [];
    const { base } = recordingBase(() => turnsAtRun.push(clock.turns));
    const { clock, submit, finishAll } = arrange();
    await finishAll(
      submit(
        base,
        Array.from({ length: 5 }, () => row(1, 64)),
      ),
    );
    expect(turnsAtRun).toHaveLength(5);
    expect(new Set(turnsAtRun).size).toBe(5);
  });

  it("costs a single short request no turn at all", async () => {
    const { base } = recordingBase();
    const { clock, submit, finishAll } = arrange();
    await finishAll(submit(base, [row(1, 8)]));
    expect(clock.turns).toBe(0);
  });
});

describe("a crowd of requests whose timers fire together", () => {
  /** The host's next look at what has come in: setImmediate fires all that were set before it. */
  const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

  it("runs one batch a turn of the host, and who is done hears of it before the next", async () => {
    const { base, runs } = recordingBase();
    const { submit, finishAll } = arrange({ maxBatchTokens: 8 });
    const answered: number[] = [];
    const all = Array.from({ length: 12 }, (_, i) =>
      finishAll(submit(base, [row(i, 8)])).then(() => answered.push(i)),
    );
    for (let turn = 0; turn < 40 && answered.length < 12; turn++) {
      const before = runs.length;
      await nextTurn();
      expect(runs.length - before, `runs in turn ${turn}`).toBeLessThanOrEqual(1);
      // All but the one that has just run have been told.
      expect(answered.length).toBeGreaterThanOrEqual(before - 1);
    }
    await Promise.all(all);
    expect(runs).toHaveLength(12);
  });

  it("lets a request that came during a run wait for those that came with it", async () => {
    const { base, runs } = recordingBase();
    const { scheduler, submit, finishAll } = arrange();
    await finishAll(submit(base, [row(1, 8)]));
    // Both came before that run ended; one of them gets to the queue first.
    const late = [2, 3].map((id) => scheduler.submit(base, [row(id, 8)], "all", LATER, 0));
    await Promise.all(late.map((jobs) => finishAll(jobs)));
    expect(runs).toEqual([[1], [2, 3]]);
  });
});

describe("requests that come to the door during a run", () => {
  it("are all taken in before the next run begins", async () => {
    const { base, runs } = recordingBase(() => (clock.turns = 0));
    const { clock, scheduler, submit, finishAll } = arrange({ maxBatchTokens: 8 });
    const late: Promise<Float32Array[]>[] = [];
    // Four came during the first run, and the host hands over one a turn.
    clock.onTurn = () => {
      if (runs.length !== 1 || clock.turns > 4) return;
      scheduler.announce();
      late.push(finishAll(submit(base, [row(10 + clock.turns, 2)])));
    };
    await finishAll(submit(base, [row(1, 8), row(2, 8)]));
    await Promise.all(late);
    expect(runs).toEqual([[1], [11, 12, 13, 14], [2]]);
  });

  it("may have come since it began, as long as not all of them are taken in", async () => {
    const { base, runs } = recordingBase(() => (clock.time += 80));
    const { clock, scheduler, submit, finishAll } = arrange({ maxBatchTokens: 8 });
    const seen: (number | null)[] = [];
    let turns = 0;
    clock.onTurn = () => {
      clock.time += 1;
      if (runs.length !== 2 || ++turns > 4) return;
      if (turns < 3) scheduler.announce();
      seen.push(scheduler.busySince);
    };
    await finishAll(submit(base, [row(1, 8), row(2, 8), row(3, 8)]));
    // The second run began after the first, which took 80, and two calm turns.
    expect(seen).toEqual([82, 82, 82, 82]);
    expect(scheduler.busySince).toBeNull();
  });

  it("do not stop the queue by coming for ever", async () => {
    const { base, runs } = recordingBase();
    const { clock, scheduler, submit, finishAll } = arrange({ maxBatchTokens: 8 });
    clock.onTurn = () => scheduler.announce();
    await finishAll(submit(base, [row(1, 8), row(2, 8), row(3, 8)]));
    expect(runs).toEqual([[1], [2], [3]]);
    expect(clock.turns).toBeLessThan(100);
  });
});

describe("work that nobody wants any more", () => {
  it("does not run after it was cancelled", async () => {
    const { base, runs } = recordingBase();
    const { scheduler, submit, finishAll } = arrange();
    const gone = submit(base, [row(1, 64), row(2, 64)]);
    const wanted = submit(base, [row(3, 64)]);
    scheduler.cancel(gone);
    await finishAll(wanted);
    expect(runs).toEqual([[3]]);
    expect(scheduler.queuedTokens).toBe(0);
    await expect(scheduler.finish(gone[0]!, never)).rejects.toMatchObject({
      code: "request-cancelled",
    });
  });

  it("stops between two runs when the client leaves", async () => {
    const abort = new AbortController();
    const { base, runs } = recordingBase(() => runs.length === 2 && abort.abort());
    const { submit, finishAll } = arrange();
    const jobs = submit(
      base,
      Array.from({ length: 9 }, () => row(1, 64)),
    );
    await expect(finishAll(jobs, abort.signal)).rejects.toThrow(/abort/i);
    expect(runs).toHaveLength(2);
  });

  it("is not begun when its own run would end too late, unless it came alone", async () => {
    const { base, runs } = recordingBase(() => (clock.time += 64));
    const clock = testClock();
    const learner = createAdmission({
      microsPerToken: 1_000,
      requestCpuMs: 1_000,
      deadlineMs: 100,
      maxHeapBytes: 1e9,
      heapBytes: () => 0,
    });
    const scheduler = createScheduler({
      clock,
      maxBatchTokens: 64,
      maxQueuedTokens: 1_000,
      admission: learner,
    });
    const [alone] = scheduler.submit(base, [row(1, 64)], "all", 10);
    const [next] = scheduler.submit(base, [row(2, 32)], "all", 1_000);
    const [late] = scheduler.submit(base, [row(3, 64)], "all", 1_000);
    Object.assign(late!, { deadlineAt: 150 }); // more came before it than was forecast
    await scheduler.finish(alone!, never);
    await scheduler.finish(next!, never);
    expect(clock.time).toBe(128);
    await expect(scheduler.finish(late!, never)).rejects.toMatchObject({
      code: "deadline-exceeded",
    });
    expect(runs).toEqual([[1], [2]]);
  });

  it("is refused when its deadline has passed, and costs no run even if its request is gone", async () => {
    const { base, runs } = recordingBase(() => (clock.time += 10));
    const { clock, scheduler, submit, finishAll } = arrange();
    const late = submit(base, [row(1, 64), row(2, 64)], "all", 5);
    const wanted = submit(base, [row(3, 64)]);
    await finishAll([late[0]!]);
    // Nobody asks for the second; another request pumps the queue.
    await finishAll(wanted);
    expect(runs).toEqual([[1], [3]]);
    await expect(scheduler.finish(late[1]!, never)).rejects.toMatchObject({
      code: "deadline-exceeded",
    });
    expect(scheduler.queuedTokens).toBe(0);
  });
});

describe("admission", () => {
  it("refuses what does not fit the queue, and takes anything into an empty one", () => {
    const { base } = recordingBase();
    const { submit } = arrange({ maxQueuedTokens: 100 });
    expect(submit(base, [row(1, 500)])).toHaveLength(1);
    expect(() => submit(base, [row(2, 1)])).toThrow(
      expect.objectContaining({ code: "overloaded" }),
    );
  });

  it("tells every row of a failed run why, as something that may pass", async () => {
    const run = () => Promise.reject(new Error("no memory"));
    const base = { manifest, session: { run } } as unknown as LoadedBase;
    const { scheduler, submit } = arrange();
    for (const job of submit(base, [row(1, 8), row(2, 8)])) {
      await expect(scheduler.finish(job, never)).rejects.toMatchObject({ code: "run-failed" });
    }
  });
});

it("runs every row exactly once, whatever comes in", async () => {
  const lengths = fc.array(fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 6 }), {
    minLength: 1,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(
      lengths,
      fc.integer({ min: 1, max: 100 }),
      async (requests, maxBatchTokens) => {
        const { base, runs } = recordingBase();
        const { submit, finishAll } = arrange({ maxBatchTokens });
        let id = 0;
        const jobs = requests.map((own) =>
          submit(
            base,
            own.map((length) => row(++id, length)),
          ),
        );
        const answers = await Promise.all(jobs.map((own) => finishAll(own)));
        expect(runs.flat().sort((a, b) => a - b)).toEqual(
          Array.from({ length: id }, (_, i) => i + 1),
        );
        expect(answers.flat().map((hidden) => hidden[0])).toEqual(
          Array.from({ length: id }, (_, i) => i + 1),
        );
        expect(answers.flat().map((hidden) => hidden.length)).toEqual(requests.flat());
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});

it("feeds the graph what collation makes of the rows", () => {
  // The recording session above reads input_ids [B, T]; this is where they come from.
  const feeds = collate([row(5, 3), row(6, 2)], manifest, "all");
  expect(feeds[INPUT_IDS]!.dims).toEqual([2, 3]);
});
