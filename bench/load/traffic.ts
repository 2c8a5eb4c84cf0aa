/** What a long run asks for: every kind of request that callers make, the wrong ones included. */
import { outcomeOf } from "./answers.ts";
import type { Seen } from "./answers.ts";

export interface Site {
  readonly url: string;
  readonly tasks: readonly string[];
  /** Numbers in [0, 1): the choices of a client. */
  readonly random: () => number;
}

/** What came of one request, and whether that is what its kind is for. */
export interface Result extends Seen {
  readonly kind: string;
  /** The client left before the answer, as it meant to. */
  readonly isAborted: boolean;
  /** Why the answer is not as it must be, null when it is. */
  readonly fault: string | null;
}

interface Kind {
  readonly name: string;
  /** How often, against the other kinds. */
  readonly weight: number;
  readonly status: number;
  request(site: Site): { readonly path: string; readonly init?: RequestInit };
  /** Milliseconds until the client leaves. */
  leavesAfter?(site: Site): number;
  /** Looks into the body of an answer with the right status; null: it is as it must be. */
  check?(body: string): string | null;
}

const TEXTS = [
  "a gripping, beautifully acted film",
  "two hours I will not get back",
  "the film is as good as the book and it is not as long as that one ".repeat(4),
  "Ada Lovelace was born in London and never saw the sea; ".repeat(30),
];
/** No client waits longer: no answer by then is a fault. */
const PATIENCE_MS = 60_000;

const pick = <T>(items: readonly T[], { random }: Site): T =>
  items[Math.floor(random() * items.length)]!;

const post = (body: unknown, headers: Readonly<Record<string, string>> = {}): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: typeof body === "string" ? body : JSON.stringify(body),
});

const predictPath = (site: Site): string => `/v1/tasks/${pick(site.tasks, site)}/predict`;
const several = (site: Site): string[] => Array.from({ length: 4 }, () => pick(TEXTS, site));

const isDone = (body: string): string | null =>
  body.includes('"done":true') ? null : "the stream ended without its last line";
const isList = (body: string): string | null =>
  Array.isArray(JSON.parse(body)) ? null : "the answer is no list";

const stream = (site: Site, accept: string) => ({
  path: predictPath(site),
  init: post({ inputs: several(site) }, { accept }),
});
const wrong = (
  name: string,
  status: number,
  path: string | ((site: Site) => string),
  init: RequestInit = {},
): Kind => ({
  name,
  weight: 1,
  status,
  request: (site) => ({ path: typeof path === "string" ? path : path(site), init }),
});

export const KINDS: readonly Kind[] = [
  {
    name: "predict one",
    weight: 30,
    status: 200,
    request: (site) => ({ path: predictPath(site), init: post({ inputs: pick(TEXTS, site) }) }),
    check: isList,
  },
  {
    name: "predict several",
    weight: 8,
    status: 200,
    request: (site) => ({ path: predictPath(site), init: post({ inputs: several(site) }) }),
    check: isList,
  },
  {
    name: "mixed tasks",
    weight: 8,
    status: 200,
    request: (site) => {
      const items = several(site).map((text) => ({ task: pick(site.tasks, site), inputs: text }));
      return { path: "/v1/predict", init: post({ items }) };
    },
  },
  {
    name: "stream of lines",
    weight: 5,
    status: 200,
    request: (site) => stream(site, "application/x-ndjson"),
    check: isDone,
  },
  {
    name: "stream of events",
    weight: 5,
    status: 200,
    request: (site) => stream(site, "text/event-stream"),
    check: isDone,
  },
  {
    name: "embed",
    weight: 4,
    status: 200,
    request: (site) => ({ path: "/v1/embed", init: post({ inputs: several(site) }) }),
    check: isList,
  },
  {
    name: "leave before the answer",
    weight: 8,
    status: 200,
    request: (site) => ({ path: predictPath(site), init: post({ inputs: several(site) }) }),
    leavesAfter: ({ random }) => 40 * random(),
  },
  {
    name: "leave a stream",
    weight: 8,
    status: 200,
    request: (site) => stream(site, "application/x-ndjson"),
    leavesAfter: ({ random }) => 200 * random(),
  },
  { name: "list tasks", weight: 2, status: 200, request: () => ({ path: "/v1/tasks" }) },
  {
    name: "show a task",
    weight: 2,
    status: 200,
    request: (site) => ({ path: `/v1/tasks/${pick(site.tasks, site)}` }),
  },
  { name: "ready", weight: 1, status: 200, request: () => ({ path: "/readyz" }) },
  wrong("no such task", 404, "/v1/tasks/nobody/predict", post({ inputs: "a" })),
  wrong("no such route", 404, "/v1/nothing"),
  wrong("another method", 405, predictPath, { method: "DELETE" }),
  wrong("not JSON", 400, predictPath, post("{")),
  wrong("not a request", 400, predictPath, post({ texts: 1 })),
  wrong("no text", 422, predictPath, post({ inputs: " " })),
  wrong("no inputs", 422, predictPath, post({ inputs: [] })),
  wrong("a lone surrogate", 422, predictPath, post('{"inputs": "\\ud800"}')),
  wrong("not JSON by its type", 415, predictPath, post("a", { "content-type": "text/plain" })),
  wrong(
    "too many inputs",
    413,
    predictPath,
    post({ inputs: Array.from({ length: 300 }, () => "a") }),
  ),
  wrong("too deep", 400, predictPath, post("[".repeat(100))),
];

const TOTAL_WEIGHT = KINDS.reduce((sum, { weight }) => sum + weight, 0);

/** The kind at `at` in [0, 1): every kind has a share by its weight. */
export function kindAt(at: number): Kind {
  let left = at * TOTAL_WEIGHT;
  return KINDS.find(({ weight }) => (left -= weight) < 0) ?? KINDS[0]!;
}

/** One request of a kind by chance, until it is answered, left, or too late. */
export async function askSomething(site: Site): Promise<Result> {
  const kind = kindAt(site.random());
  const { path, init } = kind.request(site);
  const start = performance.now();
  const leave = new AbortController();
  const after = kind.leavesAfter?.(site);
  const timer = after === undefined ? undefined : setTimeout(() => leave.abort(), after);
  const signal = AbortSignal.any([leave.signal, AbortSignal.timeout(PATIENCE_MS)]);
  const result = (seen: Omit<Seen, "ms">, fault: string | null): Result => ({
    kind: kind.name,
    ...seen,
    ms: performance.now() - start,
    isAborted: leave.signal.aborted,
    fault,
  });
  try {
    const response = await fetch(`${site.url}${path}`, { ...init, signal });
    const body = await response.text();
    const seen = { status: response.status, retryAfter: response.headers.get("retry-after") };
    return result(seen, faultOf(kind, seen, body));
  } catch (error) {
    const none = { status: 0, retryAfter: null };
    return result(none, leave.signal.aborted ? null : `no answer (${String(error)})`);
  } finally {
    clearTimeout(timer);
  }
}

/** Why an answer is not what its kind is for; a refusal that says when to come back is no fault. */
export function faultOf(
  kind: Pick<Kind, "status" | "check">,
  { status, retryAfter }: Omit<Seen, "ms">,
  body: string,
): string | null {
  if (outcomeOf({ status, retryAfter }) === "refused") return null;
  if (status !== kind.status) return `${status} instead of ${kind.status}: ${body.slice(0, 200)}`;
  return kind.check?.(body) ?? null;
}
