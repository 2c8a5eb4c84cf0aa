/** Clients that send slowly, never finish, or leave in the middle: each costs its own place for a bounded time. */
import { describe, expect, it } from "vitest";
import { createOpenBodies } from "../../../src/http/context/open-bodies.ts";
import { fakeApp } from "../../support/fake-app.ts";
import type { FakeApp } from "../../support/fake-app.ts";

/** A clock whose timers fire when the test says so. */
function handClock() {
  let time = 0;
  let timers: { at: number; fire: () => void }[] = [];
  return {
    now: () => time,
    wait: (ms: number): Promise<void> =>
      ms === 0
        ? Promise.resolve()
        : new Promise((fire) => void timers.push({ at: time + ms, fire })),
    /** Goes on by seconds, one at a time, and lets everything that follows from each happen. */
    async pass(seconds: number): Promise<void> {
      for (let i = 0; i < seconds; i++) {
        time += 1_000;
        const due = timers.filter(({ at }) => at <= time);
        timers = timers.filter(({ at }) => at > time);
        for (const { fire } of due) fire();
        await settled();
      }
    },
  };
}

/** Lets all promises that are settled run on; streams take a few turns. */
async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A request whose body is sent by hand. */
function slowRequest(app: FakeApp, headers: Record<string, string> = {}) {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const abort = new AbortController();
  const body = new ReadableStream<Uint8Array>({ start: (own) => void (controller = own) });
  const response = app.request("/v1/tasks/sentiment/predict", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
    duplex: "half",
    signal: abort.signal,
  });
  return {
    response,
    send: (text: string): void => controller.enqueue(new TextEncoder().encode(text)),
    end: (): void => controller.close(),
    /** The client resets its connection. */
    leave: (): void => abort.abort(),
  };
}

async function openRequests(app: FakeApp): Promise<number> {
  const text = await (await app.request("/metrics")).text();
  return Number(/^edge_prefix_requests_open (\d+)$/m.exec(text)![1]);
}

async function verdictOf(response: Promise<Response>): Promise<string> {
  const { status, code } = (await (await response).json()) as { status: number; code: string };
  return `${status} ${code}`;
}

describe("a body that comes byte by byte", () => {
  it("is waited for until its time is over, whatever it still sends", async () => {
    const clock = handClock();
    const app = fakeApp({ BODY_TIMEOUT_MS: 8_000 }, clock);
    const slow = slowRequest(app);
    for (let second = 0; second < 8; second++) {
      expect(await openRequests(app)).toBe(1);
      slow.send(" ");
      await clock.pass(1);
    }
    expect(await verdictOf(slow.response)).toBe("408 body-timeout");
    expect(await openRequests(app)).toBe(0);
  });

  it("is answered when it is complete in time", async () => {
    const clock = handClock();
    const app = fakeApp({ BODY_TIMEOUT_MS: 8_000 }, clock);
    const slow = slowRequest(app);
    for (const character of '{"inputs":"a"}'.split("").slice(0, 7)) {
      slow.send(character);
      await clock.pass(1);
    }
    slow.send('s":"a"}');
    slow.end();
    expect((await slow.response).status).toBe(200);
    await clock.pass(20);
  });

  it("has the same time when it is too large and only dropped", async () => {
    const clock = handClock();
    const app = fakeApp({ BODY_TIMEOUT_MS: 8_000, MAX_BODY_BYTES: 1_000 }, clock);
    const slow = slowRequest(app);
    slow.send(" ".repeat(2_000));
    await clock.pass(8);
    expect(await verdictOf(slow.response)).toBe("408 body-timeout");
  });

  it("is given ten seconds by default", async () => {
    const clock = handClock();
    const slow = slowRequest(fakeApp({}, clock));
    await clock.pass(9);
    const early = await Promise.race([slow.response, settled().then(() => "waits")]);
    expect(early).toBe("waits");
    await clock.pass(1);
    expect(await verdictOf(slow.response)).toBe("408 body-timeout");
  });
});

describe("a client that leaves in the middle of its body", () => {
  it("is no longer counted", async () => {
    const app = fakeApp();
    const requests = Array.from({ length: 20 }, () => slowRequest(app));
    for (const { send } of requests) send("{");
    await settled();
    expect(await openRequests(app)).toBe(20);
    for (const { leave } of requests) leave();
    expect(await openRequests(app)).toBe(0);
  });
});

describe("clients that have sent a byte each", () => {
  it("keep no other request from being answered", async () => {
    // A token is believed to cost 5 ms: a hundred requests of 64 tokens would fill the 30 s.
    const app = fakeApp({ MICROS_PER_TOKEN: 5_000 });
    const requests = Array.from({ length: 200 }, () => slowRequest(app));
    for (const { send } of requests) send("{");
    await settled();
    expect((await app.predict({ inputs: "an honest request" })).status).toBe(200);
  });

  it("may be so many a caller: the oldest makes room", async () => {
    const clock = handClock();
    const app = fakeApp({ MAX_OPEN_BODIES: 3 }, clock);
    const from = (address: string) => slowRequest(app, { "cf-connecting-ip": address });
    const other = from("192.0.2.1");
    const [first, ...later] = [1, 2, 3, 4].map(() => from("192.0.2.2"));
    await settled();
    await clock.pass(1);
    expect(await verdictOf(first!.response)).toBe("503 too-many-bodies");
    expect((await first!.response).headers.get("retry-after")).toBe("1");
    for (const { send, end, response } of [other, ...later]) {
      send('{"inputs":"a"}');
      end();
      expect((await response).status).toBe(200);
    }
    await clock.pass(20);
  });
});

describe("bodies that are being sent", () => {
  const bytes = (count: number): Uint8Array => new Uint8Array(count).fill(1);

  it("are kept whole, however they are cut", () => {
    const body = createOpenBodies({ maxPerCaller: 1, maxBytes: 1e6 }).open("a");
    const sent = Uint8Array.from({ length: 5_000 }, (_, i) => i % 251);
    for (let at = 0; at < sent.length; at += 7) body.append(sent.subarray(at, at + 7));
    expect(body.bytes).toEqual(sent);
    body.close();
    expect(body.bytes).toEqual(sent);
  });

  it("make room for others in the order of their size", () => {
    const bodies = createOpenBodies({ maxPerCaller: 100, maxBytes: 10_000 });
    const [small, large, larger] = ["a", "b", "c"].map((caller) => bodies.open(caller));
    small!.append(bytes(100));
    large!.append(bytes(4_000));
    larger!.append(bytes(6_000));
    expect([small, large, larger].map((body) => body!.isGivenUp)).toEqual([false, false, true]);
    expect(larger!.bytes).toHaveLength(0);
    bodies.open("c").append(bytes(4_500));
    expect([small, large].map((body) => body!.isGivenUp)).toEqual([false, false]);
  });

  it("leave a caller that may send one at a time only the last", () => {
    const bodies = createOpenBodies({ maxPerCaller: 1, maxBytes: 10_000 });
    const sent = ["a", "a", "a", "b"].map((caller) => bodies.open(caller));
    expect(sent.map((body) => body.isGivenUp)).toEqual([true, true, false, false]);
    // The last one is counted, so the next caller's bytes find it as the largest.
    sent[2]!.append(bytes(9_000));
    sent[3]!.append(bytes(2_000));
    expect(sent[2]!.isGivenUp).toBe(true);
  });

  it("count no more when they are closed, once", () => {
    const bodies = createOpenBodies({ maxPerCaller: 2, maxBytes: 10_000 });
    for (let i = 0; i < 50; i++) {
      const body = bodies.open("a");
      body.append(bytes(9_000));
      body.close();
      body.close();
      expect(body.isGivenUp).toBe(false);
    }
    const [first, second] = [bodies.open("a"), bodies.open("a")];
    first.append(bytes(4_000));
    second.append(bytes(4_000));
    expect([first.isGivenUp, second.isGivenUp]).toEqual([false, false]);
  });
});
