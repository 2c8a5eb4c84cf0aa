/**
 * Requests that end or are cancelled while others depend on what they began. Every request here has
 * a context of its own (see entry.ts), so a promise that dies with one really is dead.
 */
import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { openTask } from "../../src/core/format/task.ts";
import { createFlight } from "../../src/serve/flight.ts";
import type { Hold } from "../../src/serve/flight.ts";
import { createScheduler } from "../../src/serve/queue/scheduler.ts";
import { barePredictor } from "../support/bare-predictor.ts";
import { register } from "./entry.ts";
import { clock, loadedBase, makeTask, r2, sha256 } from "./support.ts";

const self = (exports as unknown as { default: Fetcher }).default;

/** A switch that requests look at; plain data, so that no request owns it. */
function gate() {
  const state = { isOpen: false, waiting: 0, passed: 0 };
  return {
    state,
    async pass(): Promise<void> {
      state.waiting++;
      while (!state.isOpen) await clock.wait(1);
      state.passed++;
    },
    async until(condition: () => boolean): Promise<void> {
      while (!condition()) await clock.wait(1);
    },
  };
}

/** A handler that answers with the result of a shared load, which reads from R2 behind a gate. */
function sharedLoad(holdOf: (ctx: ExecutionContext) => Hold) {
  const door = gate();
  const flight = createFlight(async () => {
    await door.pass();
    await r2.put("lifetimes/a", "loaded");
    return (await r2.get("lifetimes/a"))!.text();
  }, clock);
  const fetch = register(self, async (request, ctx) => {
    const hold = holdOf(ctx);
    if (new URL(request.url).pathname === "/early") {
      // Answers at once, as /readyz does, and leaves the load behind.
      hold(flight.get(hold).catch(() => undefined));
      return new Response("begun");
    }
    return new Response(await flight.get(hold));
  });
  return { fetch, door };
}

const waitUntil =
  (ctx: ExecutionContext): Hold =>
  (promise) =>
    ctx.waitUntil(promise);
const holdsNothing = (): Hold => () => undefined;

describe("a load that several requests wait for", () => {
  it("goes on when the request that began it has answered", async () => {
    const { fetch, door } = sharedLoad(waitUntil);
    expect(await (await fetch("/early")).text()).toBe("begun");
    const second = fetch("/");
    door.state.isOpen = true;
    expect(await (await second).text()).toBe("loaded");
    expect(door.state.waiting).toBe(1); // begun once
  });

  it("goes on when the request that began it is cancelled", async () => {
    const { fetch, door } = sharedLoad(waitUntil);
    const abort = new AbortController();
    const first = fetch("/", { signal: abort.signal });
    await door.until(() => door.state.waiting === 1);
    const second = fetch("/");
    abort.abort();
    await expect(first).rejects.toThrow(/abort/i);
    door.state.isOpen = true;
    expect(await (await second).text()).toBe("loaded");
  });

  it("is begun again when it died with the request that began it", async () => {
    const { fetch, door } = sharedLoad(holdsNothing);
    expect(await (await fetch("/early")).text()).toBe("begun");
    const second = fetch("/");
    // The first load is not held open: its beats stop, and the second request starts it again.
    await door.until(() => door.state.waiting === 2);
    door.state.isOpen = true;
    expect(await (await second).text()).toBe("loaded");
    expect(door.state.passed).toBe(1);
  });
});

describe("runs that several requests share", () => {
  /** A handler that answers `?inputs=n` texts and says how many answers it got. */
  async function sharedQueue() {
    const base = await loadedBase();
    const made = await makeTask({ task: "mood" });
    const task = await openTask(
      made.manifest,
      made.version,
      made.prefixBytes,
      base.manifest,
      sha256,
    );
    const scheduler = createScheduler({ clock, maxBatchTokens: 16, maxQueuedTokens: 1_000_000 });
    const predictor = barePredictor({ scheduler, clock, maxWindows: 1 });
    const fetch = register(self, async (request) => {
      const count = Number(new URL(request.url).searchParams.get("inputs"));
      const inputs = Array.from({ length: count }, () => ({ text: "a great film" }));
      const { signal } = request;
      let answers = 0;
      const opened = { base, task, isStale: false };
      for await (const item of predictor.predict(opened, inputs, {}, { signal })) {
        if ("result" in item) answers++;
      }
      return new Response(String(answers));
    });
    return { fetch, scheduler };
  }

  it("go on for the others when the request that pumps them is cancelled, and stop for it", async () => {
    const { fetch, scheduler } = await sharedQueue();
    const abort = new AbortController();
    const long = fetch("/?inputs=5000", { signal: abort.signal });
    while (scheduler.runs < 3) await clock.wait(1);
    const others = [fetch("/?inputs=5"), fetch("/?inputs=7")];
    abort.abort();
    await expect(long).rejects.toThrow(/abort/i);
    expect(await Promise.all((await Promise.all(others)).map((answer) => answer.text()))).toEqual([
      "5",
      "7",
    ]);
    const { runs } = scheduler;
    expect(runs).toBeLessThan(1_000);
    expect(scheduler.queuedTokens).toBe(0);
    expect(await (await fetch("/?inputs=1")).text()).toBe("1");
    expect(scheduler.runs).toBe(runs + 1); // nothing of the cancelled request ran in between
  });

  it("are shared by twenty requests, each of which gets all of its own", async () => {
    const { fetch } = await sharedQueue();
    const counts = Array.from({ length: 20 }, (_, i) => i + 1);
    const answers = await Promise.all(counts.map((count) => fetch(`/?inputs=${count}`)));
    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(counts.map(String));
  });
});
