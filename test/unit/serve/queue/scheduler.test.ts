/** Batching and turns of the queue. */
import fc from "../../../support/properties.ts";
import { describe, expect, it } from "vitest";
import { InputError } from "../../../../src/core/errors.ts";
import { createAdmission } from "../../../../src/serve/queue/admission.ts";
import { createScheduler } from "../../../../src/serve/queue/scheduler.ts";
import {
  arrange,
  baseWith,
  LATER,
  kept,
  never,
  recordingBase,
  row,
  testClock,
} from "../../../support/recording-scheduler.ts";

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

  it("keeps of a row what its own request makes of it, also when another request runs it", async () => {
    const { base } = recordingBase();
    const { scheduler, submit, finishAll } = arrange();
    const reduce = (hidden: Float32Array): number => hidden.length;
    const reduced = scheduler.submit(base, [{ row: row(1, 8), reduce }], "all", LATER);
    // Another request pumps; the first has not begun to wait.
    await finishAll(submit(base, [row(2, 8)]));
    expect(reduced[0]!.result).toEqual({ value: 8 });
    expect(await scheduler.finish(reduced[0]!, never)).toBe(8);
  });

  it("fails for one request alone when it cannot be reduced", async () => {
    const { base, runs } = recordingBase();
    const { scheduler, submit, finishAll } = arrange();
    const reduce = (): never => {
      throw new Error("not finite");
    };
    const [bad] = scheduler.submit(base, [{ row: row(1, 8), reduce }], "all", LATER);
    const good = submit(base, [row(2, 8)]);
    await expect(scheduler.finish(bad!, never)).rejects.toThrow("not finite");
    expect(await finishAll(good)).toHaveLength(1);
    expect(runs).toEqual([[1, 2]]);
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

describe("work whose request has ended", () => {
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
    const [alone] = scheduler.submit(base, [kept(row(1, 64))], "all", 10);
    const [next] = scheduler.submit(base, [kept(row(2, 32))], "all", 1_000);
    const [late] = scheduler.submit(base, [kept(row(3, 64))], "all", 1_000);
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
    // The second has no waiting request; another request runs the queue.
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
});

describe("a run that fails", () => {
  it("because the encoder is broken is told to every row as something that may pass", async () => {
    const base = baseWith(() => Promise.reject(new Error("no memory")));
    const { scheduler, submit } = arrange();
    for (const job of submit(base, [row(1, 8), row(2, 8)])) {
      await expect(scheduler.finish(job, never)).rejects.toMatchObject({ code: "run-failed" });
    }
  });

  /** Fails every run that has the row with this id in it. */
  function baseThatRefuses(id: number, onRun?: () => void) {
    const { base, runs } = recordingBase(onRun);
    const refusing = baseWith(async (rows, queries) => {
      const states = await base.encoder.encode(rows, queries);
      if (rows.some(({ ids }) => ids[0] === id)) throw new Error("id out of bounds");
      return states;
    });
    return { base: refusing, runs };
  }

  it("because of one row is made again row by row: the others are answered, of their request and of others", async () => {
    const { base, runs } = baseThatRefuses(2);
    const { scheduler, submit, finishAll } = arrange();
    const own = submit(base, [row(1, 8), row(2, 8), row(3, 8)]);
    const other = submit(base, [row(4, 8), row(5, 8)]);
    const outcomes = await Promise.allSettled(
      [...own, ...other].map((job) => scheduler.finish(job, never)),
    );
    expect(outcomes.map(({ status }) => status === "fulfilled")).toEqual([
      true,
      false,
      true,
      true,
      true,
    ]);
    expect(runs[0]!.length).toBeGreaterThan(1);
    for (const run of runs.slice(1)) expect(run).toHaveLength(1);
    expect(await finishAll(other)).toHaveLength(2);
  });

  it("because of its only row is answered with an error that does not ask to try again", async () => {
    const { base } = baseThatRefuses(2);
    const { scheduler, submit } = arrange();
    const [job] = submit(base, [row(2, 8)]);
    const failure = await scheduler.finish(job!, never).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "text-not-runnable" });
    expect(failure).toBeInstanceOf(InputError);
    expect((failure as Error).message).not.toContain("try again");
  });

  it.each([
    ["while it fails", 1],
    ["before their turn alone", 2],
  ])("is not made again for rows that are cancelled %s", async (_when, during) => {
    const { scheduler, submit, finishAll } = arrange();
    const onRun = (): void => {
      if (runs.length === during) scheduler.cancel(other);
    };
    const { base, runs } = baseThatRefuses(2, onRun);
    const own = submit(base, [row(1, 8), row(2, 8)]);
    const other = submit(base, [row(4, 8)]);
    await expect(finishAll(own)).rejects.toMatchObject({ code: "text-not-runnable" });
    expect(runs.flat().filter((id) => id === 4)).toHaveLength(1);
    expect(scheduler.queuedTokens).toBe(0);
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
