/**
 * The dependency rule of src/http: settings, schemas <- context <- answers, doors <- routes <- openapi,
 * from what a deployment says and what a request looks like to what answers it, and what tells of that.
 */

const CORE = /^src\/core\//;
const CORE_ROOT = /^src\/core\/[^/]+$/;
const SERVE = /^src\/serve\//;
/** A loaded base as serving sees it; types alone. */
const ENGINE = /^src\/engine\/engine\.ts$/;
const WORKER_TYPES = /^@cloudflare\/workers-types$/;
const HONO = /^hono$/;
/** What checks requests, and makes their schemas part of the document. */
const VALIBOT = /^(?:valibot|@valibot\/to-json-schema)$/;

const http = (folder: string): RegExp => new RegExp(`^src/http/${folder}/`);

/** In the form of GROUPS in imports.ts. */
export const HTTP_GROUPS = [
  { name: "src/http/settings", files: http("settings"), may: [CORE], types: [SERVE, WORKER_TYPES] },
  { name: "src/http/schemas", files: http("schemas"), may: [CORE_ROOT, VALIBOT], types: [SERVE] },
  {
    name: "src/http/context",
    files: http("context"),
    may: [CORE_ROOT],
    types: [http("settings"), SERVE, HONO],
  },
  {
    name: "src/http/answers",
    files: http("answers"),
    may: [CORE, http("schemas"), http("context"), HONO],
    types: [SERVE, ENGINE],
  },
  {
    name: "src/http/doors",
    files: http("doors"),
    may: [CORE_ROOT, http("settings"), http("context"), HONO, /^src\/serve\/sha256\.ts$/],
    types: [SERVE],
  },
  {
    name: "src/http/routes",
    files: http("routes"),
    may: [CORE, SERVE, http("schemas"), http("context"), http("answers"), http("doors")],
    types: [http("settings"), ENGINE, HONO],
  },
  {
    name: "src/http/watch",
    files: http("watch"),
    may: [CORE_ROOT, http("context"), http("answers"), HONO],
    types: [http("settings")],
  },
  {
    name: "src/http/openapi",
    files: http("openapi"),
    may: [http("schemas"), http("answers"), http("routes"), HONO, VALIBOT],
    types: [http("settings"), http("context")],
  },
  {
    name: "src/http",
    // The route tables are HTTP's too: of bulk, and the one that only lies one folder higher.
    files: /^src\/(?:http\/|app\.ts)/,
    may: [CORE, SERVE, /^src\/http\//, HONO, VALIBOT],
    types: [ENGINE, WORKER_TYPES],
  },
];
