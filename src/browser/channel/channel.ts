/**
 * Calls from a page into its Web Worker. A call has one argument, yields items while it runs and ends
 * with a result or a failure; leaving its loop, or its signal, stops it there as well.
 */
import { UnavailableError } from "../../core/errors.ts";
import { errorOf, failureOf } from "./failure.ts";
import type { Failure } from "./failure.ts";

/** What is sent and received, by the name of the call. */
export type CallTypes<C> = Readonly<
  Record<keyof C, { readonly ask: unknown; readonly item: unknown; readonly result: unknown }>
>;

/**
 * What answers: a generator for a call that yields items, a promise for one that only has a result.
 * The signal aborts when the page has left the call.
 */
export type Handlers<C extends CallTypes<C>> = {
  readonly [K in keyof C]: (
    ask: C[K]["ask"],
    signal: AbortSignal,
  ) => AsyncGenerator<C[K]["item"], C[K]["result"]> | Promise<C[K]["result"]>;
};

/** A page's end. */
export interface Channel<C extends CallTypes<C>> {
  /** Makes a call. Throws what the handler throws, UnavailableError `worker-failed`, or the signal's reason. */
  call<K extends keyof C & string>(
    name: K,
    ask: C[K]["ask"],
    signal?: AbortSignal,
  ): AsyncGenerator<C[K]["item"], C[K]["result"]>;
  /** The result of a call whose items are of no interest, or that has none; throws the same. */
  ask<K extends keyof C & string>(
    name: K,
    ask: C[K]["ask"],
    signal?: AbortSignal,
  ): Promise<C[K]["result"]>;
  /** Ends all calls with UnavailableError `worker-failed`. */
  fail(reason: string): void;
}

/** A Worker, or the global scope of one. */
export interface Port {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
}

type Asked = { readonly id: number } & (
  { readonly call: string; readonly ask: unknown } | { readonly stop: true }
);
type Reply =
  { readonly item: unknown } | { readonly result: unknown } | { readonly failure: Failure };
type Replied = { readonly id: number } & Reply;

/** Answers the calls that arrive at a Worker's port. */
export function serveCalls<C extends CallTypes<C>>(port: Port, handlers: Handlers<C>): void {
  const running = new Map<number, AbortController>();

  async function answer(id: number, call: string, ask: unknown): Promise<void> {
    const controller = new AbortController();
    running.set(id, controller);
    const reply = (message: Reply): void => port.postMessage({ id, ...message });
    try {
      const answered = handlers[call as keyof C](ask as never, controller.signal);
      if (answered instanceof Promise) {
        reply({ result: await answered });
        return;
      }
      let next = await answered.next();
      for (; next.done !== true && !controller.signal.aborted; next = await answered.next()) {
        reply({ item: next.value });
      }
      if (next.done === true) reply({ result: next.value });
      else await answered.return(undefined as never);
    } catch (error) {
      reply({ failure: failureOf(error) });
    } finally {
      running.delete(id);
    }
  }

  port.addEventListener("message", ({ data }) => {
    const message = data as Asked;
    if ("stop" in message) running.get(message.id)?.abort();
    else void answer(message.id, message.call, message.ask);
  });
}

/** Replies to one call, in order. */
class Replies {
  readonly #kept: Reply[] = [];
  #wake: () => void = () => undefined;

  add(reply: Reply): void {
    this.#kept.push(reply);
    this.#wake();
  }

  async next(): Promise<Reply> {
    while (this.#kept.length === 0) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#kept.shift()!;
  }
}

/** The page's end of the channel to a Worker. */
export function channelTo<C extends CallTypes<C>>(port: Port): Channel<C> {
  const waiting = new Map<number, Replies>();
  let lastId = 0;
  let failed: Failure | null = null;
  port.addEventListener("message", ({ data }) => {
    const reply = data as Replied;
    waiting.get(reply.id)?.add(reply);
  });

  async function* call<K extends keyof C & string>(
    name: K,
    ask: C[K]["ask"],
    signal?: AbortSignal,
  ): AsyncGenerator<C[K]["item"], C[K]["result"]> {
    signal?.throwIfAborted();
    if (failed) throw errorOf(failed);
    const id = ++lastId;
    const replies = new Replies();
    const leave = (): void => replies.add({ failure: failureOf(signal?.reason) });
    waiting.set(id, replies);
    signal?.addEventListener("abort", leave, { once: true });
    port.postMessage({ id, call: name, ask });
    let isOver = false;
    try {
      for (;;) {
        const reply = await replies.next();
        // What arrived before the signal aborted is no longer wanted.
        signal?.throwIfAborted();
        if ("item" in reply) {
          yield reply.item as C[K]["item"];
          continue;
        }
        isOver = true;
        if ("failure" in reply) throw errorOf(reply.failure);
        return reply.result as C[K]["result"];
      }
    } finally {
      waiting.delete(id);
      signal?.removeEventListener("abort", leave);
      if (!isOver) port.postMessage({ id, stop: true });
    }
  }

  return {
    call,
    async ask(name, ask, signal) {
      const items = call(name, ask, signal);
      let next = await items.next();
      while (next.done !== true) next = await items.next();
      return next.value;
    },
    fail(reason) {
      failed = failureOf(
        new UnavailableError("worker-failed", `the predictor's Web Worker: ${reason}`),
      );
      for (const replies of waiting.values()) replies.add({ failure: failed });
    },
  };
}
