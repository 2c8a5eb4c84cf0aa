/**
 * Worker entry for batches: the routes of files and batches, and the consumer of their queue. A script
 * of its own beside the Worker that answers requests, so that a job never holds up one of them.
 */
import type { ExecutionContext } from "hono";
import { createBrokenApp } from "./app.ts";
import { outside } from "./compose.ts";
import { composeBulk } from "./compose-bulk.ts";
import type { BulkEnv, BulkParts } from "./compose-bulk.ts";
import { openDefaultEngine } from "./default-engine.ts";
import type { Delivery } from "./serve/bulk/consumer.ts";

/** Messages of a queue, as Cloudflare hands them over. */
export interface QueueBatch {
  readonly queue: string;
  readonly messages: readonly Delivery[];
}

/** The queue of messages whose every attempt has failed ends so. */
const DEAD = /-dead$/;
/** A job of which nothing was heard for so long has lost its messages. */
const SILENT_S = 1_800;

let parts: BulkParts | undefined;
const start = (env: BulkEnv): BulkParts => (parts ??= composeBulk(env, openDefaultEngine));

export default {
  fetch(request: Request, env: BulkEnv, ctx: ExecutionContext): Response | Promise<Response> {
    try {
      return start(env).app.fetch(request, env, ctx);
    } catch (error) {
      return createBrokenApp(error, outside).fetch(request, env, ctx);
    }
  },
  async queue(batch: QueueBatch, env: BulkEnv, ctx: ExecutionContext): Promise<void> {
    const consumer = start(env).consumer((promise) => ctx.waitUntil(promise));
    if (DEAD.test(batch.queue)) await consumer.bury(batch.messages);
    else await consumer.consume(batch.messages);
  },
  async scheduled(_event: unknown, env: BulkEnv): Promise<void> {
    const resumed = await start(env).resume(Number(env.RESUME_AFTER_S ?? SILENT_S));
    if (resumed.length > 0) outside.log({ event: "bulk-resumed", batches: resumed });
  },
};
