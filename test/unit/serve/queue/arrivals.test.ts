/** Requests between their coming and their answer: counted, forecast, and let to catch up with each other. */
import { describe, expect, it } from "vitest";
import type { OverloadedError } from "../../../../src/core/errors.ts";
import { createAdmission } from "../../../../src/serve/queue/admission.ts";
import { createArrivals } from "../../../../src/serve/queue/arrivals.ts";
import type { Arrival, Arrivals } from "../../../../src/serve/queue/arrivals.ts";

/** A token costs 10 ms; what the queue says of itself is set by the test. */
function arrange() {
  const clock = { time: 0, now: () => clock.time };
  const scheduler = {
    comings: 0,
    busySince: null as number | null,
    announce: () => void scheduler.comings++,
    /** Tokens of its rows, by request. */
    queued: [] as number[][],
    tokensAhead: (rows: number) =>
      scheduler.queued
        .flatMap((own) => own.slice(0, rows))
        .reduce((sum, tokens) => sum + tokens, 0),
    runs: 0,
    stats: { requests: 10, rows: 10, tokens: 200, paddedTokens: 200, runsByRows: new Map() },
  };
  const admission = createAdmission({
    microsPerToken: 10_000,
    requestCpuMs: 10_000,
    deadlineMs: 1_000,
    maxHeapBytes: 1e9,
    heapBytes: () => 0,
  });
  return {
    clock,
    scheduler,
    arrivals: createArrivals({ clock, scheduler, admission, deadlineMs: 1_000 }),
  };
}

/** A request whose body is complete. */
function arrive(arrivals: Arrivals): Arrival {
  const arrival = arrivals.enter();
  arrivals.receive(arrival);
  return arrival;
}

function refusal(enter: () => unknown): OverloadedError | null {
  try {
    enter();
    return null;
  } catch (error) {
    return error as OverloadedError;
  }
}

describe("arrivals", () => {
  it("are refused at the door when those on their way would already make them late", () => {
    const { arrivals } = arrange();
    // Twenty tokens a request so far: 200 ms each, of 1,000 ms less the fifth that is kept.
    let entered = 0;
    while (refusal(() => arrive(arrivals)) === null && entered < 100) entered++;
    expect(entered).toBe(4);
    const error = refusal(() => arrivals.enter());
    expect(error?.code).toBe("overloaded");
    expect(error?.retryAfterMs).toBeGreaterThan(0);
  });

  it("are refused at the door when the queue has no room for a request of the usual length", () => {
    const { scheduler, arrivals } = arrange();
    // 610 ms are ahead, and 200 ms more would not end within 800: the queue would refuse its rows.
    scheduler.queued = [[61]];
    expect(refusal(() => arrivals.enter())?.code).toBe("overloaded");
    scheduler.queued = [[60]];
    expect(refusal(() => arrivals.enter())).toBeNull();
  });

  it("are let in where nothing is ahead of them, however long requests usually are", () => {
    const { scheduler, arrivals } = arrange();
    scheduler.stats.tokens = 20_000;
    expect(refusal(() => arrivals.enter())).toBeNull();
  });

  it("make room by leaving", () => {
    const { arrivals } = arrange();
    const all = [1, 2, 3, 4].map(() => arrive(arrivals));
    expect(refusal(() => arrivals.enter())).not.toBeNull();
    arrivals.leave(all[0]!);
    arrivals.leave(all[0]!);
    expect(arrivals.count).toBe(3);
    expect(refusal(() => arrivals.enter())).toBeNull();
  });

  it("that wait in the queue are counted by what they wait with, not by what is usual", () => {
    const { scheduler, arrivals } = arrange();
    const all = [1, 2, 3, 4].map(() => arrive(arrivals));
    for (const arrival of all) arrivals.queue(arrival);
    scheduler.queued = [[2], [2], [2], [2]];
    expect(refusal(() => arrivals.enter())).toBeNull();
    scheduler.queued = [[50], [50], [50], [50]];
    expect(refusal(() => arrivals.enter())?.code).toBe("overloaded");
  });

  it("whose rows have run are no work any more, however slowly their answers are read", () => {
    const { arrivals } = arrange();
    for (let i = 0; i < 100; i++) arrivals.queue(arrive(arrivals));
    expect(arrivals.count).toBe(100);
    expect(refusal(() => arrive(arrivals))).toBeNull();
  });

  it("that are still sending are no work, however many they are", () => {
    const { arrivals } = arrange();
    for (let i = 0; i < 5_000; i++) arrivals.enter();
    expect(arrivals.count).toBe(5_000);
    expect(refusal(() => arrive(arrivals))).toBeNull();
  });

  it("are refused when their bodies are complete, if others have come before them", () => {
    const { arrivals } = arrange();
    const all = Array.from({ length: 10 }, () => arrivals.enter());
    const verdicts = all.map(
      (arrival) => refusal(() => arrivals.receive(arrival))?.code ?? "taken",
    );
    // As many as would have been let in one after the other, and the one that finds them there.
    expect(verdicts.filter((verdict) => verdict === "taken")).toHaveLength(4);
    expect(new Set(verdicts)).toEqual(new Set(["taken", "overloaded"]));
  });

  it("that have left are no work when the rest of their body comes", () => {
    const { arrivals } = arrange();
    const left = Array.from({ length: 10 }, () => arrivals.enter());
    for (const arrival of left) arrivals.leave(arrival);
    for (const arrival of left) arrivals.receive(arrival);
    expect(arrivals.count).toBe(0);
    expect(refusal(() => arrive(arrivals))).toBeNull();
  });

  it("are let in beside a long document, of which they wait for one row", () => {
    const { scheduler, arrivals } = arrange();
    arrivals.queue(arrive(arrivals));
    scheduler.queued = [Array.from({ length: 500 }, () => 20)];
    expect(refusal(() => arrivals.enter())).toBeNull();
  });

  it("are announced to the queue once, at the door, whether they are let in or not", () => {
    const { scheduler, arrivals } = arrange();
    for (let i = 0; i < 4; i++) arrive(arrivals);
    expect(scheduler.comings).toBe(4);
    for (let i = 0; i < 2; i++) expect(refusal(() => arrivals.enter())).not.toBeNull();
    expect(arrivals.count).toBe(4);
    expect(scheduler.comings).toBe(6);
  });

  it("whose clients have left without a word are forgotten in time", () => {
    const { clock, arrivals } = arrange();
    for (let i = 0; i < 4; i++) arrive(arrivals);
    clock.time = 1_500;
    expect(refusal(() => arrivals.enter())).not.toBeNull();
    clock.time = 2_001;
    expect(refusal(() => arrivals.enter())).toBeNull();
    expect(arrivals.count).toBe(1);
  });

  it("count from the begin of the run that kept them out", () => {
    const { clock, scheduler, arrivals } = arrange();
    clock.time = 500;
    scheduler.busySince = 100;
    expect(arrivals.enter().at).toBe(100);
    // Of 1,000 ms, 400 are over; 20 tokens more than would be in time are ahead.
    scheduler.queued = [[68]];
    expect(refusal(() => arrivals.enter())?.code).toBe("overloaded");
    scheduler.busySince = null;
    scheduler.queued = [[48]];
    expect(refusal(() => arrivals.enter())).toBeNull();
  });

  it("know when they came and what had run by then", () => {
    const { clock, scheduler, arrivals } = arrange();
    clock.time = 7;
    scheduler.runs = 3;
    expect(arrivals.enter()).toEqual({ at: 7, runs: 3 });
  });
});
