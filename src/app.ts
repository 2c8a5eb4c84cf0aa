/** The route table and the order of what every request passes through; nothing else. */
import { Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { requestId } from "hono/request-id";
import { requireAllTasks, requireScope, requireTask, warnOfOpenDoor } from "./http/auth.ts";
import type { AppDeps, AppEnv } from "./http/context.ts";
import { allowOrigins } from "./http/cors.ts";
import { embed } from "./http/embed.ts";
import { index, live, ready } from "./http/health.ts";
import { limitHeaders } from "./http/limits.ts";
import { logRequests, onError, onMethodNotAllowed, onNotFound } from "./http/middleware.ts";
import { predictMany } from "./http/predict-many.ts";
import { predict } from "./http/predict.ts";
import { limitRate } from "./http/rate-limit.ts";
import { listTasks, showTask } from "./http/tasks.ts";

export type { AppDeps } from "./http/context.ts";

/** Longer ids are none of ours or of any tracing system: they are replaced. */
const MAX_REQUEST_ID = 128;

export function createApp(deps: AppDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ strict: false }); // "/v1/tasks/" is "/v1/tasks"

  app.use(requestId({ generator: () => deps.requestId(), limitLength: MAX_REQUEST_ID }));
  app.use(logRequests(deps));
  app.use(limitHeaders(deps));
  app.use(allowOrigins(deps));
  app.use(methodNotAllowed({ app, onMethodNotAllowed }));
  app.use("/v1/*", requireScope(deps, "predict"), limitRate(deps));
  app.use("/v1/tasks/:task/*", requireTask);
  app.use("/v1/embed", requireAllTasks);
  warnOfOpenDoor(deps);

  app.get("/", index(deps));
  app.get("/livez", live);
  app.get("/readyz", ready(deps));
  app.get("/v1/tasks", listTasks(deps));
  app.get("/v1/tasks/:task", showTask(deps));
  app.post("/v1/tasks/:task/predict", predict(deps));
  app.post("/v1/predict", predictMany(deps));
  app.post("/v1/embed", embed(deps));

  app.notFound(onNotFound);
  app.onError(onError(deps));
  return app;
}
