/** Pages of which origins may ask. Off by default: then no page of another site can read an answer. */
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { AppDeps, AppEnv } from "../context/context.ts";

/** Browsers ask again after this: two hours is the most that any of them keeps a permission. */
const MAX_AGE_S = 7_200;

/** What a page may send and read besides what every page may. */
const REQUEST_HEADERS = [
  "authorization",
  "content-type",
  "if-none-match",
  "range",
  "x-canary-key",
  "x-request-id",
];
const ANSWER_HEADERS = [
  "accept-ranges",
  "content-range",
  "etag",
  "retry-after",
  "server-timing",
  "x-model-identity",
  "x-request-id",
  "x-task-stale",
  "x-task-stale-code",
  "x-task-version",
  "x-truncated",
];

/** Answers preflight requests before anything else looks at them: they carry no key. */
export function allowOrigins({ config }: AppDeps): MiddlewareHandler<AppEnv> {
  if (config.corsOrigins.length === 0) {
    return async function sameOrigin(_, next) {
      await next();
    };
  }
  return cors({
    origin: config.corsOrigins.includes("*") ? "*" : [...config.corsOrigins],
    allowMethods: ["GET", "HEAD", "POST", "OPTIONS"],
    allowHeaders: REQUEST_HEADERS,
    exposeHeaders: ANSWER_HEADERS,
    maxAge: MAX_AGE_S,
  });
}
