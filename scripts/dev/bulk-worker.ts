/**
 * `npm start -- --bulk`: the Worker that answers batches beside the one that answers requests, in a
 * process of its own over the same local storage. wrangler's registry of local Workers lets the one
 * find the other.
 */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stopTree } from "../node/process-tree.ts";
import { freePort, waitUntilReady } from "./readiness.ts";

const CONFIGURATION = "wrangler.bulk.toml";
/** wrangler.toml with the binding that is commented out there; its paths need it beside that file. */
const FORWARDING = "wrangler.local.toml";
const SERVICE = '\n[[services]]\nbinding = "BULK"\nservice = "edge-prefix-bulk"\n';

/** Writes the configuration of a Worker that passes batches on, and returns its name. */
export function writeForwarding(folder: string): string {
  const own = readFileSync(join(folder, "wrangler.toml"), "utf8");
  const note = "# Written by npm start -- --bulk, of wrangler.toml.\n";
  writeFileSync(join(folder, FORWARDING), note + own + SERVICE);
  return FORWARDING;
}

/** wrangler's environment: local Workers find each other through files beside their state. */
export const registryOf = (state: string): Record<string, string> => ({
  WRANGLER_REGISTRY_PATH: join(state, "registry"),
});

export interface BulkWorker {
  /** What keeps it from being ready, null when it is. */
  readonly ready: Promise<string | null>;
  stop(): Promise<void>;
}

export interface BulkWorkerOptions {
  readonly wrangler: string;
  readonly folder: string;
  readonly state: string;
  readonly base: string;
  /** Variables that both Workers have, as flags of wrangler. */
  readonly variables: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/** Starts it; batches that an earlier start left unfinished go on. */
export async function startBulkWorker(options: BulkWorkerOptions): Promise<BulkWorker> {
  const { wrangler, folder, state, base, variables, environment, withinMs, signal } = options;
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [
      "--no-warnings",
      wrangler,
      "dev",
      `--config=${CONFIGURATION}`,
      `--port=${port}`,
      `--persist-to=${state}`,
      `--var=BASE:${base}`,
      "--var=RESUME_AFTER_S:0",
      "--log-level=warn",
      "--inspector-port=0",
      "--show-interactive-dev-session=false",
      ...variables,
    ],
    { cwd: folder, stdio: ["ignore", "inherit", "inherit"], env: { ...environment } },
  );
  const ended = new Promise<number>((resolve) => {
    child.once("error", () => resolve(1));
    child.once("exit", (code) => resolve(code ?? 1));
  });
  const url = `http://127.0.0.1:${port}`;
  const ready = waitUntilReady(`${url}/livez`, { withinMs, signal }).then(async (missing) => {
    // The local queue forgets its messages when it ends: what has no answer is sent again.
    if (missing === null) await fetch(`${url}/cdn-cgi/local/scheduled`);
    return missing;
  });
  return { ready, stop: async () => void (await stopTree(child, ended)) };
}
