/** GET /livez (is the isolate alive?), /readyz (is the base loaded?) and / (what is here?). */
import { UnavailableError } from "../core/errors.ts";
import { holdOf } from "./context.ts";
import type { AppDeps, AppHandler } from "./context.ts";

const FILE_ROUTES = [
  "GET /files/index.json",
  "GET /files/bases/{base}.json",
  "GET /files/tasks/{task}.json",
  "GET /files/blobs/sha256/{hash}",
];

/** Never waits for anything. */
export const live: AppHandler = (c) => c.json({ status: "alive" });

/** Starts the load of the base and says at once whether it is there. */
export function ready({ config, models }: AppDeps): AppHandler {
  return (c) => {
    const before = models.status;
    if (!models.ready) {
      // Why the load failed is told by `status`, here and to the next who ask.
      holdOf(c)(models.get(holdOf(c)).catch(() => undefined));
    }
    if (!models.ready) {
      // A load that begins anew must not hide why the last one failed.
      const { state, detail } = before.state === "failed" ? before : models.status;
      throw new UnavailableError("base-not-ready", `base: ${state} (${detail})`);
    }
    const { name, identity } = models.ready.manifest;
    const keys = config.keys === null ? "off" : "on";
    return c.json({
      status: "ready",
      base: name,
      identity,
      loaded_from: models.ready.encoder.loadedFrom,
      api_keys: keys,
    });
  };
}

/** A first page for people with curl. */
export function index({ config, tasks }: AppDeps): AppHandler {
  return async (c) => {
    // Where keys are on, what is served is told to their holders: GET /v1/tasks.
    const names = config.keys === null ? await tasks.list().catch((): string[] => []) : [];
    // Where the app is mounted below a path, its routes are there too.
    const { origin, pathname } = new URL(c.req.url);
    const root = `${origin}${pathname.replace(/\/+$/, "")}`;
    const example = names.includes("sentiment") ? "sentiment" : (names[0] ?? "{task}");
    return c.json({
      name: "edge-prefix",
      base: config.base,
      tasks: names,
      routes: [
        "POST /v1/tasks/{task}/predict",
        "POST /v1/predict",
        "POST /v1/embed",
        "GET /v1/tasks",
        "GET /v1/tasks/{task}",
        ...(config.servesFiles ? FILE_ROUTES : []),
        "GET /livez",
        "GET /readyz",
        "GET /metrics",
        "GET /openapi.json",
        "GET /docs",
      ],
      try: `curl -s ${root}/v1/tasks/${example}/predict -H 'content-type: application/json' -d '{"inputs": "a gripping, beautifully acted film"}'`,
    });
  };
}
