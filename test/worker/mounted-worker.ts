/** A Worker of one's own with this project's routes below /nlp; docs/mount.md shows this file. */
import { Hono } from "hono";
import { compose, createApp } from "edge-prefix";
import type { Env } from "edge-prefix";

export function createWorker(env: Env): Hono<{ Bindings: Env }> {
  const serving = compose(env);
  const app = new Hono<{ Bindings: Env }>();

  app.get("/", (c) => c.text("a Worker that also understands texts"));
  app.route("/nlp", createApp(serving));

  // The predictor without HTTP: one label for the text in the URL.
  app.get("/mood/:text", async (c) => {
    const opened = await serving.predictor.open("mood", {
      hold: (work) => c.executionCtx.waitUntil(work),
    });
    const inputs = [{ text: c.req.param("text") }];
    const options = { signal: c.req.raw.signal };
    for await (const answer of serving.predictor.predict(opened, inputs, { top_k: 1 }, options)) {
      return "error" in answer ? c.text(answer.error.message, 400) : c.json(answer.result);
    }
    return c.notFound();
  });
  return app;
}
