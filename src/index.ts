/** Worker entry: env -> parts -> app, once per isolate. */
import type { ExecutionContext } from "hono";
import { createApp, createBrokenApp } from "./app.ts";
import { compose, outside } from "./compose.ts";
import type { Env } from "./http/config.ts";

function start(env: Env): ReturnType<typeof createApp> {
  try {
    return createApp(compose(env));
  } catch (error) {
    return createBrokenApp(error, outside);
  }
}

let app: ReturnType<typeof createApp> | undefined;

/** The whole Worker, as a module that wrangler can run: `export { default } from "edge-prefix/worker"`. */
const worker = {
  /** Answers a request; wrong settings are answered with what is wrong with them. */
  fetch: (request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response> =>
    (app ??= start(env)).fetch(request, env, ctx),
};

export default worker;
