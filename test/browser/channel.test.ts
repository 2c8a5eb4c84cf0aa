/** Calls into a Web Worker, over a real message channel. */
import { describe, expect, it } from "vitest";
import { channelTo, serveCalls } from "../../src/browser/channel/channel.ts";
import type { Port } from "../../src/browser/channel/channel.ts";
import { LimitError, OverloadedError } from "../../src/core/errors.ts";

interface Calls {
  readonly count: { ask: number; item: number; result: string };
  readonly wait: { ask: null; item: never; result: void };
  readonly fail: { ask: string; item: number; result: void };
}

/** Both ends of a channel, and what the far end has seen. */
function arrange() {
  const { port1, port2 } = new MessageChannel();
  const seen: string[] = [];
  serveCalls<Calls>(port2 as Port, {
    async *count(to) {
      try {
        for (let i = 1; i <= to; i++) {
          seen.push(`made ${i}`);
          yield i;
          await new Promise((resolve) => setTimeout(resolve, 0));
        }
      } finally {
        seen.push("left");
      }
      return `counted to ${to}`;
    },
    async wait(_, signal) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      seen.push("aborted");
    },
    async *fail(kind) {
      yield 1;
      if (kind === "limit") throw new LimitError("too-long", "text: is too long");
      if (kind === "busy") throw new OverloadedError("overloaded", "later", { retryAfterMs: 70 });
      throw new TypeError("no such thing");
    },
  });
  port1.start();
  port2.start();
  return { channel: channelTo<Calls>(port1 as Port), seen };
}

/** Everything that a call yields, and its result. */
async function whole<T, R>(call: AsyncGenerator<T, R>): Promise<{ items: T[]; result: R }> {
  const items: T[] = [];
  for (;;) {
    const next = await call.next();
    if (next.done === true) return { items, result: next.value };
    items.push(next.value);
  }
}

const until = async (isDone: () => boolean): Promise<void> => {
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 0));
};

describe("a call into a Web Worker", () => {
  it("yields items in order and ends with the result, beside other calls", async () => {
    const { channel } = arrange();
    const [three, two] = await Promise.all([
      whole(channel.call("count", 3)),
      whole(channel.call("count", 2)),
    ]);
    expect(three).toEqual({ items: [1, 2, 3], result: "counted to 3" });
    expect(two).toEqual({ items: [1, 2], result: "counted to 2" });
  });

  it("stops at the far end when its loop is left", async () => {
    const { channel, seen } = arrange();
    for await (const item of channel.call("count", 1_000_000)) if (item === 2) break;
    await until(() => seen.at(-1) === "left");
    expect(seen.length).toBeLessThan(1_000);
  });

  it("ends with its signal's reason, and the far end's signal aborts", async () => {
    const { channel, seen } = arrange();
    const controller = new AbortController();
    const waiting = channel.ask("wait", null, controller.signal);
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await until(() => seen.includes("aborted"));
  });

  it("throws an error of the class and with the code that it had", async () => {
    const { channel } = arrange();
    await expect(whole(channel.call("fail", "limit"))).rejects.toSatisfy(
      (error) => error instanceof LimitError && error.code === "too-long",
    );
    await expect(whole(channel.call("fail", "busy"))).rejects.toSatisfy(
      (error) => error instanceof OverloadedError && error.retryAfterMs === 70,
    );
    await expect(whole(channel.call("fail", "other"))).rejects.toMatchObject({
      name: "TypeError",
      message: "no such thing",
    });
  });

  it("fails when the Web Worker has failed, now and later", async () => {
    const { channel } = arrange();
    const waiting = channel.ask("wait", null);
    channel.fail("out of memory");
    const expected = { code: "worker-failed", message: expect.stringContaining("out of memory") };
    await expect(waiting).rejects.toMatchObject(expected);
    await expect(channel.ask("wait", null)).rejects.toMatchObject(expected);
  });
});
