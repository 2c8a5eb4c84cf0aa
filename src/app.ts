/** The route table and the order of what every request passes through; nothing else. */
import { Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { requestId } from "hono/request-id";
import { requireAllTasks, requireScope, requireTask, warnOfOpenDoor } from "./http/doors/auth.ts";
import { BULK_PATHS, forwardToBulk } from "./http/routes/bulk-forward.ts";
import type { AppDeps, AppEnv } from "./http/context/context.ts";
import { allowOrigins } from "./http/doors/cors.ts";
import { showDocs } from "./http/openapi/docs-page.ts";
import { embed } from "./http/routes/embed.ts";
import {
  FILE_PATHS,
  requireFiles,
  showBasePointer,
  showBlob,
  showFilesIndex,
  showTaskPointer,
} from "./http/routes/files.ts";
import { live, ready } from "./http/routes/health.ts";
import { index } from "./http/routes/index-page.ts";
import { limitHeaders, limitWork } from "./http/doors/limits.ts";
import { createMetrics } from "./http/watch/metrics.ts";
import {
  forbidSniffing,
  onError,
  onMethodNotAllowed,
  onNotFound,
} from "./http/answers/middleware.ts";
import { observeRequests, showMetrics } from "./http/watch/observe.ts";
import { showOpenApi } from "./http/openapi/openapi.ts";
import { createEmbeddings, listModels, showModel } from "./http/routes/openai.ts";
import { predictMany } from "./http/routes/predict-many.ts";
import { predict } from "./http/routes/predict.ts";
import { instanceOf, problemOf, respondProblem } from "./http/answers/problem.ts";
import { limitRate } from "./http/doors/rate-limit.ts";
import { compareSentences } from "./http/routes/similarity.ts";
import { showInfo } from "./http/routes/info.ts";
import { listTasks, showTask } from "./http/routes/tasks.ts";
import { classifyZeroShot } from "./http/routes/zero-shot.ts";

export type { AppDeps } from "./http/context/context.ts";

/** Longer ids are none of ours or of any tracing system: they are replaced. */
const MAX_REQUEST_ID = 128;

/** Routes of the base itself, which belong to no task. */
const BASE_PATHS = ["/v1/info", "/v1/embed", "/v1/embeddings", "/v1/similarity", "/v1/zero-shot"];

export function createApp(deps: AppDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ strict: false }); // "/v1/tasks/" is "/v1/tasks"
  const metrics = createMetrics(deps.config);

  app.use(forbidSniffing);
  app.use(requestId({ generator: () => deps.requestId(), limitLength: MAX_REQUEST_ID }));
  app.use(observeRequests(deps, metrics));
  app.use(allowOrigins(deps));
  app.use(limitHeaders(deps));
  app.use(methodNotAllowed({ app, onMethodNotAllowed }));
  app.use("/v1/*", requireScope(deps, "predict"), limitRate(deps));
  for (const path of BULK_PATHS) app.all(path, forwardToBulk(deps));
  app.use("/v1/*", limitWork(deps));
  app.use("/v1/tasks/:task/*", requireTask);
  for (const path of BASE_PATHS) app.use(path, requireAllTasks);
  for (const path of FILE_PATHS) {
    app.use(path, requireFiles(deps), requireScope(deps, "predict"), limitRate(deps));
  }
  app.use("/metrics", requireScope(deps, "admin"));
  warnOfOpenDoor(deps);

  app.get("/", index(deps));
  app.get("/livez", live);
  app.get("/readyz", ready(deps));
  app.get("/metrics", showMetrics(deps, metrics));
  app.get("/openapi.json", showOpenApi(deps));
  app.get("/docs", showDocs(deps));
  app.get("/v1/tasks", listTasks(deps));
  app.get("/v1/tasks/:task", showTask(deps));
  app.post("/v1/tasks/:task/predict", predict(deps));
  app.post("/v1/predict", predictMany(deps));
  app.post("/v1/embed", embed(deps));
  app.post("/v1/embeddings", createEmbeddings(deps));
  app.post("/v1/similarity", compareSentences(deps));
  app.post("/v1/zero-shot", classifyZeroShot(deps));
  app.get("/v1/info", showInfo(deps));
  app.get("/v1/tasks/:task/info", showInfo(deps));
  app.get("/v1/models", listModels(deps));
  app.get("/v1/models/:model", showModel(deps));
  app.get("/files/index.json", showFilesIndex(deps));
  app.get("/files/bases/:file", showBasePointer(deps));
  app.get("/files/tasks/:file", showTaskPointer(deps));
  app.get("/files/blobs/sha256/:hash", showBlob(deps));

  // A parent app that mounts this one answers for what is not below /v1.
  app.all("/v1/*", onNotFound);
  app.notFound(onNotFound);
  app.onError(onError(deps));
  return app;
}

/** What is left when the settings are wrong: alive, and saying what is wrong with them. */
export function createBrokenApp(
  error: unknown,
  { requestId: generator, log }: Pick<AppDeps, "requestId" | "log">,
): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ strict: false });
  log({ level: "error", event: "not-started", error: String(error) });
  app.use(forbidSniffing);
  app.use(requestId({ generator, limitLength: MAX_REQUEST_ID }));
  app.get("/livez", live);
  app.all("*", (c) => respondProblem(c, problemOf(error, instanceOf(c), c.var.requestId)));
  return app;
}
