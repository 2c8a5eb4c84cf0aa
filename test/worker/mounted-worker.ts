/** A Worker of one's own with this project's routes below /nlp; docs/mount.md shows this file. */
import { env } from "cloudflare:workers";
import { createWorker } from "edge-prefix";
import { Hono } from "hono";

// Once an isolate: each call has a base of its own in memory.
const texts = createWorker(env);
const app = new Hono();

app.get("/", (c) => c.text("a Worker that also understands texts"));
app.route("/nlp", texts.app);

// The predictor without HTTP: the best label for the text in the URL.
app.get("/mood/:text", async (c) => {
  const context = { ctx: c.executionCtx, signal: c.req.raw.signal };
  const inputs = [c.req.param("text")];
  for await (const answer of texts.predictor.predict("sentiment", inputs, { top_k: 1 }, context)) {
    return "error" in answer ? c.text(answer.error.message, 400) : c.json(answer.result);
  }
  return c.notFound();
});

export default app;
