/** A Worker over one engine: env -> parts -> app, once per isolate. */
import type { ExecutionContext } from "hono";
import { createApp, createBrokenApp } from "./app.ts";
import { compose, outside } from "./compose.ts";
import type { OpenEngine } from "./compose.ts";
import type { Env } from "./http/settings/config.ts";

/** A whole Worker, as a module that wrangler can run. */
export interface WorkerModule {
  /** Answers a request; wrong settings are answered with what is wrong with them. */
  fetch(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response>;
}

/** The Worker that computes by this engine. */
export function workerOf(openEngine: OpenEngine): WorkerModule {
  let app: ReturnType<typeof createApp> | undefined;
  const start = (env: Env): ReturnType<typeof createApp> => {
    try {
      return createApp(compose(env, openEngine));
    } catch (error) {
      return createBrokenApp(error, outside);
    }
  };
  return { fetch: (request, env, ctx) => (app ??= start(env)).fetch(request, env, ctx) };
}
