/**
 * The whole Worker in a local workerd with a bucket that starts empty, and tasks for it. Requests
 * pass wrangler's proxy, which adds milliseconds of its own: compare, never quote, single times.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { unstable_startWorker } from "wrangler";
import { blobKey, taskKey } from "../../src/core/format/keys.ts";
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { sha256Hex } from "../../scripts/node/hash.ts";
import type { PublishBucket } from "../../scripts/publish/bucket.ts";
import { sessionImages } from "../../scripts/images/make.ts";
import { publishBase, readManifestOfBase } from "../../scripts/publish/publish-base.ts";
import { s3Bucket } from "../../scripts/publish/s3-bucket.ts";
import type { EngineName } from "../engines.ts";
import { entryOf } from "./bundled.ts";
import { makeTask } from "./made-task.ts";
import type { MadeTaskOptions } from "./made-task.ts";

/** A local workerd over a bucket, with nothing loaded yet. */
export interface Started {
  readonly url: string;
  readonly bucket: PublishBucket;
  /** Where the isolate can be looked into; null behind wrangler, where nothing looks. */
  readonly inspectorUrl: URL | null;
  get(path: string): Promise<Response>;
  /** Resident megabytes of the larger workerd, which is the Worker's; null where `ps` is missing. */
  residentMb(): Promise<number | null>;
  stop(): Promise<void>;
}

export interface Served extends Started {
  readonly base: BaseManifest;
  /** One text; returns the status, the version that answered, the answer, and milliseconds. */
  ask(
    task: string,
    text?: string,
  ): Promise<{ status: number; version: string | null; body: string; ms: number }>;
  /** A number of /metrics, without the project's prefix. */
  metric(name: string): Promise<number>;
}

export type Variables = Readonly<Record<string, string>>;

const BUCKET = "edge-prefix-bench";
const TEXT = "a gripping, beautifully acted film";

/** A file of this folder. */
export const fileHere = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** wrangler's settings of the Worker as it is measured. */
export const SERVED_CONFIG = fileHere("wrangler.toml");

/** A fresh workerd with the Worker by an engine; BASE is among the variables. */
async function startWorkerd(engine: EngineName, variables: Variables): Promise<Started> {
  process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";
  const folder = await mkdtemp(join(tmpdir(), "edge-prefix-served-"));
  const worker = await unstable_startWorker({
    config: SERVED_CONFIG,
    entrypoint: entryOf(engine),
    bindings: Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [name, { type: "plain_text", value }]),
    ),
    dev: {
      server: { port: 0 },
      inspector: false,
      logLevel: "error",
      watch: false,
      persist: folder,
    },
  });
  await worker.ready;
  const url = String(await worker.url).replace(/\/$/, "");
  const endpoint = `${url}/cdn-cgi/local/r2/s3`;
  return {
    url,
    bucket: s3Bucket({ endpoint, bucket: BUCKET, accessKeyId: "bench", secretAccessKey: "bench" }),
    inspectorUrl: null,
    get: (path) => fetch(`${url}${path}`),
    residentMb,
    async stop() {
      await worker.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Starts it with a base in its bucket, and waits until that is loaded. */
export const startServed = (
  engine: EngineName,
  baseDir: string,
  variables: Variables = {},
): Promise<Served> => serveBase(baseDir, (base) => startWorkerd(engine, { ...base, ...variables }));

/** The same for a workerd of another kind: `start` is given the variables that name the base. */
export async function serveBase<T extends Started>(
  baseDir: string,
  start: (variables: Variables) => Promise<T>,
): Promise<T & Served> {
  const { manifest: base } = await readManifestOfBase(baseDir);
  const started = await start({ BASE: base.name });
  const { bucket, get, stop } = started;
  try {
    await publishBase(bucket, baseDir, { images: await sessionImages() });
    while (!(await get("/readyz")).ok) await new Promise((resolve) => setTimeout(resolve, 200));
    return {
      ...started,
      base,
      ...talkTo(started),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What is asked of a started Worker. */
export const talkTo = ({
  url,
  get,
}: Pick<Started, "url" | "get">): Pick<Served, "ask" | "metric"> => ({
  async ask(task, text = TEXT) {
    const start = performance.now();
    const response = await fetch(`${url}/v1/tasks/${task}/predict`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ inputs: text }),
    });
    const body = await response.text();
    const version = response.headers.get("x-task-version");
    return { status: response.status, version, body, ms: performance.now() - start };
  },
  async metric(name) {
    const text = await (await get("/metrics")).text();
    return Number(new RegExp(`^edge_prefix_${name} (\\S+)$`, "m").exec(text)?.[1] ?? NaN);
  },
});

/** Puts a task of `makeTask` into the bucket, without the checks of a push. */
export async function putTask(
  { bucket, base }: { readonly bucket: PublishBucket; readonly base: BaseManifest },
  task: string,
  options: Omit<MadeTaskOptions, "task"> = {},
): Promise<void> {
  const { manifest, prefix, version } = makeTask(base, { task, ...options });
  for (const bytes of [prefix, manifest]) {
    await bucket.putBlob(blobKey(sha256Hex(bytes)), bytes, sha256Hex(bytes));
  }
  const entry = { version, manifest: `sha256:${sha256Hex(manifest)}`, created: "" };
  const pointer = { task, current: version, versions: [entry], canary: null };
  await bucket.putIf(taskKey(task), encodeUtf8(JSON.stringify(pointer)), null);
}

export async function residentMb(): Promise<number | null> {
  const args = ["-A", "-o", "pid=,ppid=,rss=,comm="];
  const listing = await promisify(execFile)("ps", args).catch(() => null);
  if (!listing) return null;
  const rows = listing.stdout.split("\n").map((line) => line.trim().split(/\s+/));
  const own = rows.filter(([, ppid, , name]) => Number(ppid) === process.pid && name === "workerd");
  return Math.max(...own.map(([, , kilobytes]) => Number(kilobytes) / 1000));
}
