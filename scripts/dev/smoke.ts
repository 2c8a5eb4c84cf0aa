/**
 * `npm run smoke -- URL`: asks a running Worker what a user would, and says what is not as it should
 * be. Harmless: it writes nothing and asks a handful of short texts.
 */
import { parseArgs } from "node:util";
import { UsageError } from "../cli/command.ts";
import { waitUntilReady } from "./readiness.ts";

/** A cold Worker fetches and loads its base first. */
const READY_WITHIN_MS = 60_000;
/** An answer to a short text takes far less, also on a cold core. */
const ANSWER_WITHIN_MS = 30_000;

const TEXT = "Ada Lovelace was born in London";

/** A check that did not hold. */
class Failure extends Error {}

/** What a check found: a note beside "ok", or a warning in its place. */
type Finding = string | { readonly warning: string };

interface Server {
  ask(path: string, init?: RequestInit & { key?: string | null }): Promise<Response>;
  readonly hasKey: boolean;
}

interface Task {
  readonly task: string;
  readonly error?: { readonly code: string; readonly detail: string };
}

/** In order; each may rely on what those before it have shown. */
const CHECKS: readonly (readonly [string, (server: Server) => Promise<Finding>])[] = [
  [
    "alive",
    async ({ ask }) => {
      const response = await ask("/livez");
      expectStatus(response, 200);
      return "";
    },
  ],
  [
    "documented",
    async ({ ask }) => {
      const document = (await bodyOf(await ask("/openapi.json"), 200)) as { paths: object };
      expectStatus(await ask("/docs"), 200);
      return `${Object.keys(document.paths).length} paths at /openapi.json, a page at /docs`;
    },
  ],
  [
    "guarded",
    async ({ ask, hasKey }) => {
      const { api_keys: keys } = (await bodyOf(await ask("/readyz"), 200)) as { api_keys: string };
      if (keys === "off" && hasKey) {
        throw new Failure("a key was given, yet API_KEYS is not set and every caller may ask");
      }
      if (keys === "off") {
        return { warning: "API_KEYS is not set, so every caller may ask (docs/deploy.md)" };
      }
      if (!hasKey) throw new Failure("keys are on: give one with --key or EDGE_PREFIX_KEY");
      expectStatus(await ask("/v1/tasks", { key: null }), 401);
      expectStatus(await ask("/v1/tasks", { key: "ep_wrong" }), 401);
      return "keys are on, and callers without one are refused";
    },
  ],
  ["answers", answers],
  [
    "refuses",
    async ({ ask }) => {
      const verdicts = [
        [await post(ask, "/v1/tasks/no-such-task/predict", { inputs: TEXT }), [404, 403]],
        [await post(ask, "/v1/predict", { items: "none" }), [400]],
        [await ask("/no-such-route"), [404]],
      ] as const;
      for (const [response, allowed] of verdicts) {
        if (!(allowed as readonly number[]).includes(response.status)) expectStatus(response, 400);
        const type = response.headers.get("content-type");
        if (type !== "application/problem+json") throw new Failure(`a problem came as ${type}`);
      }
      return "what is wrong is told as problem+json";
    },
  ],
];

/** Every task of the key, as JSON and as a stream that says its end. */
async function answers({ ask }: Server): Promise<string> {
  const { tasks } = (await bodyOf(await ask("/v1/tasks"), 200)) as { tasks: readonly Task[] };
  if (tasks.length === 0) throw new Failure("no task is published: push one");
  for (const { task, error } of tasks) {
    if (error) throw new Failure(`task "${task}" [${error.code}]: ${error.detail}`);
    const path = `/v1/tasks/${task}/predict`;
    const response = await post(ask, path, { inputs: [TEXT, TEXT] });
    const list = (await bodyOf(response, 200)) as unknown[];
    if (list.length !== 2) throw new Failure(`task "${task}": ${list.length} answers to 2 texts`);
    const streamed = await post(ask, path, { inputs: [TEXT, TEXT] }, "application/x-ndjson");
    expectStatus(streamed, 200);
    const last = (await streamed.text()).trim().split("\n").at(-1) ?? "";
    if (!last.includes('"done":true')) throw new Failure(`task "${task}": stream ends in ${last}`);
  }
  return tasks.map(({ task }) => task).join(", ");
}

const post = (ask: Server["ask"], path: string, body: unknown, accept = "application/json") =>
  ask(path, {
    method: "POST",
    headers: { "content-type": "application/json", accept },
    body: JSON.stringify(body),
  });

function expectStatus({ status, url }: Response, expected: number): void {
  if (status !== expected) throw new Failure(`${url}: is ${status}, expected ${expected}`);
}

async function bodyOf(response: Response, status: number): Promise<unknown> {
  const text = await response.text();
  if (response.status !== status) {
    throw new Failure(`${response.url}: is ${response.status} ${text.slice(0, 300)}`);
  }
  return JSON.parse(text);
}

/** Runs every check; returns whether all held. */
export async function smoke(
  url: string,
  key: string | null,
  say: (line: string) => void,
): Promise<boolean> {
  const base = url.replace(/\/+$/, "");
  const server: Server = {
    hasKey: key !== null,
    ask(path, { key: own = key, headers, ...init } = {}) {
      const all = new Headers(headers);
      if (own !== null) all.set("authorization", `Bearer ${own}`);
      const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
      return fetch(base + path, { ...init, headers: all, signal });
    },
  };
  const never = new AbortController().signal;
  const missing = await waitUntilReady(`${base}/readyz`, {
    withinMs: READY_WITHIN_MS,
    signal: never,
  });
  if (missing !== null) {
    say(`FAILED  ready: ${missing}`);
    return false;
  }
  let isWell = true;
  for (const [name, check] of CHECKS) {
    try {
      const found = await check(server);
      const [verdict, note] =
        typeof found === "string" ? ["ok     ", found] : ["WARNING", found.warning];
      say(`${verdict} ${name}${note === "" ? "" : `: ${note}`}`);
    } catch (error) {
      isWell = false;
      say(`FAILED  ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return isWell;
}

const HELP = `asks a running Worker what a user would, and says what is not as it should be; writes nothing

Usage: npm run smoke -- URL [--key KEY]

Options:
  --key KEY   API key, where the Worker needs one (default: the variable EDGE_PREFIX_KEY)
  -h, --help  show this help

Example:
  npm run smoke -- https://edge-prefix.example.workers.dev

Exit codes: 0 all well, 1 something is not, 2 wrong command line`;

/** Null when help is asked for; throws UsageError. */
function readOptions(argv: readonly string[]): { url: string; key: string | null } | null {
  const options = {
    key: { type: "string" },
    help: { type: "boolean", short: "h" },
  } as const;
  const { values, positionals } = (() => {
    try {
      return parseArgs({ args: [...argv], options, allowPositionals: true });
    } catch (error) {
      // Node adds advice about arguments that begin with a dash.
      const [message] = String(error instanceof Error ? error.message : error).split(". ");
      throw new UsageError(`${message}; npm run smoke -- --help`);
    }
  })();
  if (values.help) return null;
  const [url = "", ...rest] = positionals;
  if (!/^https?:\/\/./.test(url) || rest.length > 0) {
    throw new UsageError("expected one http(s) URL; npm run smoke -- --help");
  }
  return { url, key: values.key ?? process.env["EDGE_PREFIX_KEY"] ?? null };
}

if (import.meta.main) {
  try {
    const say = (line: string): void => void process.stdout.write(`${line}\n`);
    const options = readOptions(process.argv.slice(2));
    if (options === null) say(HELP);
    else process.exitCode = (await smoke(options.url, options.key, say)) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 2;
  }
}
