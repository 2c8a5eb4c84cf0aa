/**
 * GET /: what is here. Browsers get the page that was built from src/browser/page, everything else
 * JSON. The page's files are static assets of the Worker: it reads the document alone, and the
 * platform serves what the document names without asking the Worker.
 */
import type { PageFiles } from "../settings/config.ts";
import type { AppContext, AppDeps, AppHandler } from "../context/context.ts";
import { preferred } from "../answers/respond.ts";

const FILE_ROUTES = [
  "GET /files/index.json",
  "GET /files/bases/{base}.json",
  "GET /files/tasks/{task}.json",
  "GET /files/blobs/sha256/{hash}",
];

/** The page for clients that prefer HTML, where the Worker has one; else a first page for people with curl. */
export function index({ config, tasks, page }: AppDeps): AppHandler {
  return async (c) => {
    c.header("vary", "Accept", { append: true });
    if (page && preferred(c, ["application/json", "text/html"]) === "text/html") {
      const shown = await showPage(c, page);
      if (shown) return shown;
    }
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
        "POST /v1/embeddings",
        "POST /v1/similarity",
        "POST /v1/zero-shot",
        "GET /v1/models",
        "GET /v1/models/{model}",
        "GET /v1/tasks",
        "GET /v1/tasks/{task}",
        "GET /v1/tasks/{task}/info",
        "GET /v1/info",
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

/** The page's document; null where it is not among the files, as when nothing was built. */
async function showPage(c: AppContext, page: PageFiles): Promise<Response | null> {
  const known = c.req.header("if-none-match");
  const headers = known === undefined ? {} : { "if-none-match": known };
  const file = await page.fetch(new Request(new URL("/index.html", c.req.url), { headers }));
  if (file.status !== 200 && file.status !== 304) return null;
  return c.newResponse(file.body, { status: file.status, headers: [...file.headers] });
}
