/** Worker entry: env -> parts -> app, once per isolate. */
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

export default {
  fetch: (request, env, ctx) => (app ??= start(env)).fetch(request, env, ctx),
} satisfies ExportedHandler<Env>;
