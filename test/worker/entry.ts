/**
 * The Worker under test: the deployed one, and beside it any handler that a test registers. A fetch
 * through the service binding gives such a handler a request context of its own, which ends and is
 * cancelled as in production; a handler that a test calls directly shares the test's context, and
 * there no promise ever dies.
 */
import type { Env } from "../../src/http/settings/config.ts";
import worker from "../../src/index.ts";
import type { QueueBatch } from "../../src/worker-bulk.ts";

export type TestHandler = (request: Request, ctx: ExecutionContext) => Promise<Response>;

const HANDLER_HEADER = "x-test-handler";
const handlers = new Map<string, TestHandler>();

/** Registers a handler; the result fetches it through the service binding `binding`. */
export function register(
  binding: Fetcher,
  handler: TestHandler,
): (path: string, init?: RequestInit) => Promise<Response> {
  const name = crypto.randomUUID();
  handlers.set(name, handler);
  return (path, init = {}) => {
    const headers = new Headers(init.headers as HeadersInit);
    headers.set(HANDLER_HEADER, name);
    return binding.fetch(new Request(`https://worker${path}`, { ...init, headers }));
  };
}

export type TestConsumer = (batch: QueueBatch, ctx: ExecutionContext) => Promise<void>;

let consumer: TestConsumer | undefined;

/** From now on the messages of the queues go to this consumer. */
export function consumeBy(next: TestConsumer): void {
  consumer = next;
}

export default {
  async queue(batch, _env, ctx) {
    await consumer?.(batch, ctx);
  },
  fetch(request, env, ctx) {
    const handler = handlers.get(request.headers.get(HANDLER_HEADER) ?? "");
    return handler ? handler(request, ctx) : worker.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<Env>;
