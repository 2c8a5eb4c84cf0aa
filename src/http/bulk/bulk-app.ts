/** The routes of files and batches: an app of its own, for the Worker that answers batches. */
import { Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { requestId } from "hono/request-id";
import { requireScope } from "../doors/auth.ts";
import type { AppEnv } from "../context/context.ts";
import { live } from "../routes/health.ts";
import { limitHeaders, limitWork } from "../doors/limits.ts";
import { createMetrics } from "../watch/metrics.ts";
import { forbidSniffing, onError, onMethodNotAllowed, onNotFound } from "../answers/middleware.ts";
import { observeRequests } from "../watch/observe.ts";
import { limitRate } from "../doors/rate-limit.ts";
import { cancelBatch, createBatch, listBatches, resumeBatch, showBatch } from "./batches.ts";
import type { BulkDeps } from "./bulk-deps.ts";
import { requireSameDoors } from "./doors.ts";
import { createFile, deleteFile, listFiles, showContent, showFile } from "./files.ts";
import { showBulkOpenApi } from "./openapi-bulk.ts";
import { addPart, cancelUpload, completeUpload, createUpload, signParts } from "./uploads.ts";

const MAX_REQUEST_ID = 128;

export function createBulkApp(deps: BulkDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ strict: false });
  const metrics = createMetrics(deps.config);

  app.use(forbidSniffing);
  app.use(requestId({ generator: () => deps.requestId(), limitLength: MAX_REQUEST_ID }));
  app.use(observeRequests(deps, metrics));
  app.use(limitHeaders(deps));
  app.use(methodNotAllowed({ app, onMethodNotAllowed }));
  app.use("/v1/*", requireSameDoors(deps), requireScope(deps, "predict"), limitRate(deps));
  app.use("/v1/*", limitWork(deps));

  app.get("/livez", live);
  app.get("/openapi.json", showBulkOpenApi(deps));
  app.post("/v1/files", createFile(deps));
  app.get("/v1/files", listFiles(deps));
  app.get("/v1/files/:file", showFile(deps));
  app.delete("/v1/files/:file", deleteFile(deps));
  app.get("/v1/files/:file/content", showContent(deps));
  app.post("/v1/uploads", createUpload(deps));
  app.post("/v1/uploads/:upload/parts", addPart(deps));
  app.post("/v1/uploads/:upload/urls", signParts(deps));
  app.post("/v1/uploads/:upload/complete", completeUpload(deps));
  app.post("/v1/uploads/:upload/cancel", cancelUpload(deps));
  app.post("/v1/batches", createBatch(deps));
  app.get("/v1/batches", listBatches(deps));
  app.get("/v1/batches/:batch", showBatch(deps));
  app.post("/v1/batches/:batch/cancel", cancelBatch(deps));
  app.post("/v1/batches/:batch/resume", resumeBatch(deps));

  app.notFound(onNotFound);
  app.onError(onError(deps));
  return app;
}
