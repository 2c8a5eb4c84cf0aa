/**
 * What is refused before it begins, and how the price of a token is learnt with a clock that shows
 * nothing but the time of the last event, as a deployed Worker's does.
 */
import { describe, expect, it } from "vitest";
import type { EdgePrefixError } from "../../../../src/core/errors.ts";
import { OverloadedError } from "../../../../src/core/errors.ts";
import { emptyPrefix } from "../../../../src/core/model/prefix.ts";
import { createAdmission } from "../../../../src/serve/queue/admission.ts";
import type { Admission, AdmissionOptions, Demand } from "../../../../src/serve/queue/admission.ts";
import { createScheduler } from "../../../../src/serve/queue/scheduler.ts";
import { baseWith, configuration, kept } from "../../../support/recording-scheduler.ts";

const admission = (options: Partial<AdmissionOptions> = {}): Admission =>
  createAdmission({
    microsPerToken: 1_000,
    requestCpuMs: 10_000,
    deadlineMs: 10_000,
    maxHeapBytes: 110_000_000,
    heapBytes: () => 40_000_000,
    ...options,
  });

const demand = (values: Partial<Demand> = {}): Demand => ({
  tokens: 100,
  longestRow: 100,
  tokensAhead: 0,
  msLeft: 10_000,
  hiddenSize: 384,
  ...values,
});

function refusal(check: () => void): EdgePrefixError | null {
  try {
    check();
    return null;
  } catch (error) {
    return error as EdgePrefixError;
  }
}

describe("admission", () => {
  it("lets in what fits, and alone what is nearly too late", () => {
    expect(refusal(() => admission().check(demand({ tokensAhead: 7_900 })))).toBeNull();
    expect(refusal(() => admission().check(demand({ tokens: 9_999 })))).toBeNull();
  });

  it("refuses what would be late, and says when there should be room", () => {
    const error = refusal(() => admission().check(demand({ tokensAhead: 11_900 })));
    expect(error).toBeInstanceOf(OverloadedError);
    expect(error).toMatchObject({ code: "overloaded" });
    // 12,000 tokens of 1 ms, less 8 of 10 seconds: the fifth second is kept for padding.
    expect((error as OverloadedError).retryAfterMs).toBeCloseTo(4_000);
    expect(error?.message).toContain("11900 tokens are ahead");
  });

  it("refuses for good what is too much even alone", () => {
    const more = refusal(() => admission().check(demand({ tokens: 10_001 })));
    expect(more).toMatchObject({ code: "request-too-expensive" });
    expect(more?.message).toContain('"truncation": true');
  });

  it("says of a single row that is too much that only a smaller one helps", () => {
    const row = refusal(() => admission().check(demand({ tokens: 10_001, longestRow: 10_001 })));
    expect(row).toMatchObject({ code: "request-too-expensive" });
    expect(row?.message).toContain("max_length");
    expect(row?.message).not.toContain("truncation");
  });

  it("refuses for now what has spent its time on the way, and what has none left", () => {
    const late = refusal(() => admission().check(demand({ tokens: 600, msLeft: 500 })));
    expect(late).toMatchObject({ code: "overloaded", retryAfterMs: 100 });
    const over = refusal(() => admission().check(demand({ msLeft: -5 })));
    expect(over).toMatchObject({ code: "deadline-exceeded" });
  });

  it("refuses for good, beyond one row, what alone takes longer than the deadline", () => {
    const short = admission({ deadlineMs: 500 });
    const rows = demand({ tokens: 600, msLeft: 500 });
    expect(refusal(() => short.check(rows))).toMatchObject({ code: "request-too-expensive" });
  });

  it("tries a lone row that seems to come too late, since only runs correct a forecast", () => {
    const late = demand({ tokens: 100, longestRow: 100, msLeft: 50 });
    expect(refusal(() => admission().check(late))).toBeNull();
    const queued = refusal(() => admission().check({ ...late, tokensAhead: 1 }));
    expect(queued).toMatchObject({ code: "overloaded" });
  });

  // 512 tokens at hidden size 768 grew a heap of 87 MB to 126 MB when it was measured.
  it("refuses a row that would grow the heap past its limit, unless a run of its size fitted", () => {
    const tight = admission({ heapBytes: () => 87_000_000 });
    const long = demand({ tokens: 512, longestRow: 512, hiddenSize: 768 });
    expect(refusal(() => tight.check(long))).toMatchObject({ code: "heap-limit" });
    expect(refusal(() => tight.check({ ...long, longestRow: 128 }))).toBeNull();
    tight.beginRun(512, 512, 0);
    expect(refusal(() => tight.check(long))).toBeNull();
  });
});

describe("the price of a token", () => {
  it("begins as configured and follows what runs take", () => {
    const learner = admission({ microsPerToken: 1_000 });
    expect(learner.msPerToken).toBe(1);
    for (let i = 0; i < 100; i++) {
      learner.beginRun(100, 100, i * 1_000);
      learner.endRun(i * 1_000 + 25);
    }
    expect(learner.msPerToken).toBeCloseTo(0.25, 1);
  });

  it("is hardly moved by one run during which the machine slept", () => {
    const learner = admission();
    learner.beginRun(10, 10, 0);
    learner.endRun(3_600_000);
    expect(learner.msPerToken).toBeLessThan(1.5);
  });

  it("goes back to the configured price when it refuses a request that has none before it", () => {
    const learner = admission({ deadlineMs: 500 });
    // Runs that took six times as long as they should: another program had the machine.
    for (let i = 0; i < 100; i++) {
      learner.beginRun(100, 100, i * 1_000);
      learner.endRun(i * 1_000 + 600);
    }
    const rows = demand({ tokens: 200, msLeft: 500 });
    let refusals = 0;
    while (refusal(() => learner.check(rows)) !== null && refusals < 1_000) refusals++;
    expect(refusals).toBeGreaterThan(1);
    expect(refusals).toBeLessThan(100);
    // What is queued has runs before it, which say what a token costs.
    const { msPerToken } = learner;
    refusal(() => learner.check(demand({ tokens: 200, msLeft: 500, tokensAhead: 1_000 })));
    expect(learner.msPerToken).toBe(msPerToken);
  });

  it("does not count time in which no request waited", () => {
    const learner = admission();
    learner.beginRun(1_000, 1_000, 0);
    learner.forgetRun();
    learner.endRun(1_000_000);
    expect(learner.msPerToken).toBe(1);
  });
});

/** Time goes on while anything runs, but is shown only when an event comes in. */
function stillClock() {
  const clock = {
    real: 0,
    shown: 0,
    waits: 0,
    now: () => clock.shown,
    wait: async () => {
      clock.waits++;
      await new Promise<void>((resolve) => setImmediate(resolve));
      clock.event();
    },
    event: () => (clock.shown = clock.real),
  };
  return clock;
}

/** A queue over an encoder whose runs take `msPerToken` that no clock shows meanwhile. */
function arrange(msPerToken: number, deadlineMs = 10_000) {
  const clock = stillClock();
  const runs = { count: 0, onEnd: (): void => undefined };
  const base = baseWith(async (rows) => {
    const length = Math.max(...rows.map(({ ids }) => ids.length));
    clock.real += rows.length * length * msPerToken;
    runs.count++;
    runs.onEnd();
    return { dims: [rows.length, length, 1], values: new Float32Array(rows.length * length) };
  });
  const learner = admission({ microsPerToken: 100 });
  const scheduler = createScheduler({
    clock,
    maxBatchTokens: 64,
    maxQueuedTokens: 1_000_000,
    admission: learner,
  });
  const row = {
    ids: new Int32Array(16),
    typeIds: new Int32Array(16),
    prefix: emptyPrefix(configuration),
    positionOffset: 0,
  };
  const ask = async (rows: number): Promise<void> => {
    clock.event();
    const jobs = scheduler.submit(
      base,
      Array.from({ length: rows }, () => kept(row)),
      "all",
      clock.now() + deadlineMs,
    );
    const { signal } = new AbortController();
    for (const job of jobs) await scheduler.finish(job, signal);
  };
  return { clock, scheduler, learner, ask, runs };
}

describe("a queue whose clock stands still while it computes", () => {
  it("learns the price from the events between its runs", async () => {
    const { learner, ask } = arrange(2);
    for (let i = 0; i < 10; i++) await ask(40);
    expect(learner.msPerToken).toBeCloseTo(2, 1);
  });

  it("counts what it costs to take in those who come between two runs", async () => {
    const { clock, learner, ask, runs } = arrange(2);
    const { wait } = clock;
    // Beside a run of 128 ms, every turn of the host takes 32 ms.
    clock.wait = async () => {
      clock.real += 32;
      await wait();
    };
    const crowd = (): Promise<void>[] => Array.from({ length: 8 }, () => ask(4));
    for (let i = 0; i < 10; i++) await Promise.all(crowd());
    expect(runs.count).toBe(80);
    expect(learner.msPerToken).toBeGreaterThan(2.5);
  });

  it("learns it from lone requests too, without making each wait for another event", async () => {
    const { clock, learner, ask } = arrange(2);
    for (let i = 0; i < 400; i++) {
      await ask(1);
      clock.real += 60_000; // No request for a minute.
    }
    expect(learner.msPerToken).toBeCloseTo(2, 0);
    expect(clock.waits).toBeLessThan(40);
  });

  it("refuses at ten times what it can do, and answers in time whatever it let in", async () => {
    const { clock, scheduler, ask, runs } = arrange(2);
    for (let i = 0; i < 30; i++) await ask(4);
    const taken: { waited: number; failed: unknown }[] = [];
    const refused: EdgePrefixError[] = [];
    const asked: Promise<void>[] = [];
    const arrive = (): void => {
      const at = clock.real;
      const answered = (failed: unknown): void =>
        void taken.push({ waited: clock.real - at, failed });
      const failed = (error: EdgePrefixError): void =>
        error.code === "overloaded" ? void refused.push(error) : answered(error);
      asked.push(ask(1).then(() => answered(null), failed));
    };
    // A run of 64 tokens answers four requests; forty come in meanwhile.
    runs.onEnd = () => {
      if (runs.count < 200) setImmediate(() => Array.from({ length: 40 }).forEach(arrive));
    };
    arrive();
    for (let done = 0; done < asked.length; await new Promise((next) => setImmediate(next))) {
      done = asked.length;
      await Promise.all(asked);
    }
    expect(refused.length).toBeGreaterThan(5 * taken.length);
    expect(taken.filter(({ failed }) => failed !== null)).toEqual([]);
    expect(Math.max(...taken.map(({ waited }) => waited))).toBeLessThanOrEqual(10_000);
    expect(refused.every((error) => (error as OverloadedError).retryAfterMs! > 0)).toBe(true);
    // It recovers as soon as the queue is empty.
    expect(scheduler.queuedTokens).toBe(0);
    await ask(1);
  });
});
