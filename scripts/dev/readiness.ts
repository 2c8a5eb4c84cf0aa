/** A port to listen on, and waiting until something answers there. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { InputError } from "../../src/core/errors.ts";

/** While a Worker's build is broken, wrangler accepts connections and never answers. */
const PROBE_MS = 5_000;
const BETWEEN_PROBES_MS = 100;

/**
 * The wanted port, or the usual one, or any free one when the usual one is taken and none was asked
 * for. Throws InputError `port-in-use` when the wanted one is taken.
 */
export async function choosePort(wanted: number | undefined, usual: number): Promise<number> {
  if (await isFree(wanted ?? usual)) return wanted ?? usual;
  const free = await freePort();
  if (wanted === undefined) return free;
  throw new InputError(
    "port-in-use",
    `port ${wanted}: is in use by another program; choose another with --port, such as ${free}`,
  );
}

/**
 * Ports of programs, below those that systems give to the near end of a connection (Linux: from 32768,
 * others: from 49152). One of those may be taken by any connection before the server listens on it.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_767;

/** A port that can be listened on, drawn by chance, so that two programs rarely draw the same. */
export async function freePort(
  draw: () => number = () => randomInt(FIRST_PORT, LAST_PORT + 1),
): Promise<number> {
  for (;;) {
    const port = draw();
    if (await isFree(port)) return port;
  }
}

/** Whether `port` can be listened on. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** What /readyz may say that no waiting cures. */
const HOPELESS_CODE = "config-invalid";

/**
 * Asks `url` until it answers 200. Returns null then, and what it last said when the time is over,
 * `signal` aborts, or it is wrongly configured.
 */
export async function waitUntilReady(
  url: string,
  { withinMs, signal }: { withinMs: number; signal: AbortSignal },
): Promise<string | null> {
  const deadline = Date.now() + withinMs;
  let last = "no answer yet";
  while (Date.now() < deadline && !signal.aborted) {
    try {
      const response = await fetch(url, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(PROBE_MS)]),
      });
      const body = await response.text();
      if (response.ok) return null;
      const problem = readProblem(body);
      last = `${response.status} ${problem?.detail ?? body.slice(0, 300)}`;
      if (problem?.code === HOPELESS_CODE) return last;
    } catch (error) {
      last = reasonOf(error);
    }
    await pause(BETWEEN_PROBES_MS, undefined, { signal }).catch(() => undefined);
  }
  return last;
}

/** The problem document that a body is, or null. */
function readProblem(body: string): { readonly code: string; readonly detail: string } | null {
  try {
    const { code, detail } = JSON.parse(body) as Partial<Record<string, unknown>>;
    return typeof code === "string" && typeof detail === "string" ? { code, detail } : null;
  } catch {
    return null;
  }
}

/** Node's fetch says "fetch failed" and hides why (ECONNREFUSED, ENOTFOUND) one level down. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = (error.cause ?? {}) as { readonly code?: unknown };
  return typeof code === "string" ? `${error.message} (${code})` : error.message;
}
