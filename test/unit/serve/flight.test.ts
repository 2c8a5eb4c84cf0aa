/**
 * One load for all who wait, also when the request that began it is gone. Time is a clock whose waits
 * can be frozen for one request, which is what cancelling a request does in workerd.
 */
import { describe, expect, it } from "vitest";
import type { Hold } from "../../../src/serve/flight.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { createFlight } from "../../../src/serve/flight.ts";

const hold: Hold = () => undefined;

/** Waits take no real time; every one is a turn of the event loop. */
const turns: Clock = {
  now: () => 0,
  wait: () => new Promise((resolve) => setImmediate(resolve)),
};

/** A load that is finished from outside. */
function manualLoad() {
  const starts: PromiseWithResolvers<string>[] = [];
  const load = (): Promise<string> => {
    const next = Promise.withResolvers<string>();
    starts.push(next);
    return next.promise;
  };
  return { starts, load };
}

/** A clock whose waits stop for good once it is dead, as those of a cancelled request do. */
function mortalClock() {
  const life = { isDead: false };
  const wait = (): Promise<void> =>
    life.isDead ? new Promise(() => undefined) : new Promise((resolve) => setImmediate(resolve));
  return { life, clock: { now: () => 0, wait } };
}

describe("a shared load", () => {
  it("runs once for all who ask while it runs, and never again", async () => {
    const { starts, load } = manualLoad();
    const flight = createFlight(load, turns);
    const waiting = [flight.get(hold), flight.get(hold), flight.get(hold)];
    expect(flight.isLoading).toBe(true);
    starts[0]!.resolve("base");
    expect(await Promise.all(waiting)).toEqual(["base", "base", "base"]);
    expect(await flight.get(hold)).toBe("base");
    expect(starts).toHaveLength(1);
    expect(flight.value).toBe("base");
    expect(flight.isLoading).toBe(false);
  });

  it("tells everybody who waits that it failed, and begins anew for the next", async () => {
    const { starts, load } = manualLoad();
    const flight = createFlight(load, turns);
    const waiting = [flight.get(hold), flight.get(hold)];
    starts[0]!.reject(new Error("no bucket"));
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(flight.value).toBeNull();
    const again = flight.get(hold);
    starts[1]!.resolve("base");
    expect(await again).toBe("base");
  });

  it("is held open by the request that began it", async () => {
    const { starts, load } = manualLoad();
    const held: Promise<unknown>[] = [];
    const flight = createFlight(load, turns);
    const waiting = flight.get((promise) => held.push(promise));
    expect(held.length).toBeGreaterThan(0);
    starts[0]!.resolve("base");
    await Promise.all([...held, waiting]);
  });

  it("is taken over when the request that began it is gone", async () => {
    const { starts, load } = manualLoad();
    const { life, clock } = mortalClock();
    // Both requests share the flight; the first one's waits stop when it dies.
    let isFirst = true;
    const flight = createFlight(load, {
      now: () => 0,
      wait: (ms) => (isFirst ? clock.wait() : turns.wait(ms)),
    });
    void flight.get(hold);
    life.isDead = true;
    await turns.wait(0);
    isFirst = false;
    const waiting = flight.get(hold);
    while (starts.length < 2) await turns.wait(0);
    starts[1]!.resolve("base");
    expect(await waiting).toBe("base");
  });

  it("is not taken over while its owner lives, however long it takes", async () => {
    const { starts, load } = manualLoad();
    const flight = createFlight(load, turns);
    const waiting = flight.get(hold);
    for (let i = 0; i < 2_000; i++) await turns.wait(0);
    expect(starts).toHaveLength(1);
    starts[0]!.resolve("base");
    expect(await waiting).toBe("base");
  });
});
