/** A port to listen on, and waiting until something answers there. */
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { InputError } from "../src/core/errors.ts";

/** While a Worker's build is broken, wrangler accepts connections and never answers. */
const PROBE_MS = 5_000;
const BETWEEN_PROBES_MS = 100;

/**
 * The wanted port, or the usual one, or any free one when the usual one is taken and none was asked
 * for. Throws InputError `port-in-use` when the wanted one is taken.
 */
export async function choosePort(wanted: number | undefined, usual: number): Promise<number> {
  const found = await freePort(wanted ?? usual);
  if (found !== null) return found;
  if (wanted !== undefined) {
    throw new InputError("port-in-use", `port ${wanted}: is in use; choose another with --port`);
  }
  return (await freePort(0)) ?? usual;
}

/** `port` if it can be listened on (0: any that can), else null. */
export function freePort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      const found = typeof address === "object" && address !== null ? address.port : port;
      server.close(() => resolve(found));
    });
  });
}

/**
 * Asks `url` until it answers 200. Returns null then, and what it last said when the time is over
 * or `signal` aborts.
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
      last = `${response.status} ${body.slice(0, 300)}`;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await pause(BETWEEN_PROBES_MS, undefined, { signal }).catch(() => undefined);
  }
  return last;
}
