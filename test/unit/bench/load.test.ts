/** What the load benchmarks make of what they see: answers, schedules, memory, overheads. */
import { describe, expect, test } from "vitest";
import { countOutcomes, outcomeOf } from "../../../bench/load/answers.ts";
import { LIVE_NOISE_BYTES, growthOf } from "../../../bench/load/growth.ts";
import { badShare, dueAt, openLoop, recoveryMs } from "../../../bench/load/schedule.ts";
import { KINDS, faultOf, kindAt } from "../../../bench/load/traffic.ts";
import { allowedMs, meanParts } from "../../../bench/overhead.ts";
import { differenceSpread } from "../../../bench/stats.ts";

describe("an answer under load", () => {
  test.each([
    [200, null, "answered"],
    [503, "1", "refused"],
    [429, "12", "refused"],
    [503, null, "unexpected"],
    [503, "0", "unexpected"],
    [503, "soon", "unexpected"],
    [500, "1", "unexpected"],
    [0, null, "unexpected"],
  ])("of status %d with retry-after %s is %s", (status, retryAfter, outcome) => {
    expect(outcomeOf({ status, retryAfter })).toBe(outcome);
  });

  test("that no client should see is counted by what it is", () => {
    const none = { retryAfter: null };
    const all = [200, 500, 0, 500].map((status) => ({ status, ...none }));
    expect(countOutcomes([...all, { status: 503, ...none }])).toEqual({
      answered: 1,
      refused: 0,
      unexpected: { 500: 2, "no answer": 1, "503 with retry-after null": 1 },
    });
  });
});

describe("an open loop", () => {
  test("sends the first request at once, the others at even distances, and no more than planned", () => {
    expect([0, 99, 100, 250, 10_000].map((ms) => dueAt(ms, 10, 20))).toEqual([1, 1, 2, 3, 20]);
  });

  test("does not wait for answers before it sends the next", async () => {
    let waiting = 0;
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const send = async (): Promise<number> => {
      const before = waiting++;
      await gate;
      return before;
    };
    const { all, lateMs } = await openLoop({ perSecond: 1_000, seconds: 0.005 }, send, release);
    expect(all).toEqual([0, 1, 2, 3, 4]);
    expect(lateMs).toHaveLength(5);
  });
});

describe("a recovery", () => {
  const probe = (at: number, isGood: boolean) => ({ at, isGood });

  const probes = (marks: string) => [...marks].map((mark, i) => probe(100 * i, mark === "+"));

  test("is when five probes in a row are good, not the first good one", () => {
    expect(recoveryMs(probes("-+++-+++++"), 50)).toBe(450);
  });

  test("is not put off by a single slow probe later, as a busy machine has without a load", () => {
    expect(recoveryMs(probes("-+++++-+++"), 50)).toBe(50);
  });

  test("has not happened while no five in a row are good, or without probes", () => {
    expect(recoveryMs(probes("+-++++"), 0)).toBe(Infinity);
    expect(recoveryMs([], 0)).toBe(Infinity);
  });

  test("is shown beside the share of slow probes from then on", () => {
    expect(badShare(probes("--+++++-++"), 200)).toBe(1 / 8);
  });
});

describe("memory", () => {
  const samples = (live: readonly number[], wasm = live.map(() => 7)) =>
    live.map((liveBytes, i) => ({ liveBytes, wasmBytes: wasm[i]! }));

  test("is flat when single samples stand out but halves do not", () => {
    const growth = growthOf(samples([10, 5e6, 10, 10, 12, 10, 12, 12]));
    expect(growth).toEqual({ wasmBytes: 0, liveBytes: 2, isFlat: true });
  });

  test("grows when every sample adds what a leak would", () => {
    const leak = Array.from({ length: 10 }, (_, i) => i * LIVE_NOISE_BYTES * 0.25);
    expect(growthOf(samples(leak))).toMatchObject({ liveBytes: 1_250_000, isFlat: false });
  });

  test("is not flat when a page was added to the wasm memory, or when it was read only once", () => {
    expect(growthOf(samples([1, 1], [65_536, 131_072])).isFlat).toBe(false);
    expect(growthOf(samples([1])).isFlat).toBe(false);
    expect(growthOf([]).isFlat).toBe(false);
  });
});

describe("mixed traffic", () => {
  test("chooses every kind as often as its weight says", () => {
    const total = KINDS.reduce((sum, { weight }) => sum + weight, 0);
    const chosen = Array.from({ length: total }, (_, i) => kindAt((i + 0.5) / total).name);
    const counts = KINDS.map(({ name }) => chosen.filter((other) => other === name).length);
    expect(counts).toEqual(KINDS.map(({ weight }) => weight));
  });

  test("finds fault with another status, a cut stream, a refusal without an end", () => {
    const stream = KINDS.find(({ name }) => name === "stream of lines")!;
    const seen = { status: 200, retryAfter: null };
    expect(faultOf(stream, seen, '{"index":0}\n{"done":true,"count":1}\n')).toBeNull();
    expect(faultOf(stream, seen, '{"index":0}\n')).toBe("the stream ended without its last line");
    expect(faultOf(stream, { status: 500, retryAfter: null }, "oh")).toBe("500 instead of 200: oh");
    expect(faultOf(stream, { status: 503, retryAfter: "1" }, "")).toBeNull();
    expect(faultOf(stream, { status: 503, retryAfter: null }, "")).toBe("503 instead of 200: ");
  });
});

describe("a request's overhead", () => {
  test("may be 3 % of a run, or 2 ms where that is more", () => {
    expect([10, 100].map(allowedMs)).toEqual([2, 3]);
  });

  test("is the middle of differences taken in pairs, so that a drift is in none", () => {
    expect(differenceSpread([11, 21, 31, 45], [10, 20, 30, 40])).toEqual({
      median: 1,
      low: 1,
      high: 2,
    });
  });

  test("has parts that are averaged over all requests", () => {
    const timings = ["tokenize;dur=0.0, run;dur=10.0", "tokenize;dur=1.0, run;dur=13.0"];
    expect(meanParts(timings)).toEqual({ tokenize: 0.5, run: 11.5 });
  });
});
