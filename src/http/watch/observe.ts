/**
 * What is told of every request: one line of JSON in the log, a count in /metrics, and a data point
 * where the binding ANALYTICS is configured. Never any text of an input.
 */
import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import type { AppContext, AppDeps, AppEnv, AppHandler } from "../context/context.ts";
import type { Metrics } from "./metrics.ts";
import { instanceOf } from "../answers/problem.ts";

/** Surrounds every route; a streamed answer is told of when it has ended. */
export function observeRequests(deps: AppDeps, metrics: Metrics): MiddlewareHandler<AppEnv> {
  const { now } = deps;
  return async function observe(c, next) {
    const start = now();
    c.set("logged", {});
    await next();
    const tell = (): void => record(deps, metrics, c, now() - start);
    if (c.var.streamEnd) void c.var.streamEnd.then(tell);
    else tell();
  };
}

function record({ log, analytics }: AppDeps, metrics: Metrics, c: AppContext, ms: number): void {
  const { requestId, logged } = c.var;
  const { method } = c.req;
  const { status } = c.res;
  const route = routeOf(c);
  log({
    level: status >= 500 ? "error" : "info",
    request_id: requestId,
    method,
    path: instanceOf(c),
    route,
    status,
    ms,
    ...logged,
  });
  const text = (name: string): string => (typeof logged[name] === "string" ? logged[name] : "");
  const inputs = typeof logged["inputs"] === "number" ? logged["inputs"] : 0;
  const { tokens = 0 } = (logged["usage"] ?? {}) as { tokens?: number };
  const task = text("task");
  // A mixed call says itself how many inputs each task had.
  const mixed = (logged["tasks"] ?? {}) as Readonly<Record<string, number>>;
  metrics.observe({ route, status, ms, tasks: task === "" ? mixed : { [task]: inputs } });
  try {
    // The order is the interface: docs/deploy.md names every column.
    analytics?.writeDataPoint({
      indexes: [task === "" ? route : task],
      blobs: [route, task, text("version"), text("code"), text("key")],
      doubles: [status, ms, inputs, tokens],
    });
  } catch (error) {
    // The answer is there already: counting must not take it back.
    log({ level: "warn", event: "analytics-failed", request_id: requestId, error: String(error) });
  }
}

/** GET /metrics. */
export function showMetrics(deps: AppDeps, metrics: Metrics): AppHandler {
  return (c) => {
    c.header("content-type", "text/plain; version=0.0.4; charset=utf-8");
    c.header("cache-control", "no-store");
    return c.body(metrics.render(deps));
  };
}

/** The pattern of the route that answered: a bounded set, unlike paths. */
function routeOf(c: AppContext): string {
  const route = matchedRoutes(c).findLast(({ method }) => method !== "ALL");
  return route?.path ?? "none";
}
