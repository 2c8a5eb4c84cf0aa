/**
 * The Worker in a workerd that listens to its clients itself. `wrangler dev` puts two Workers of its
 * own before it, one of them on the same thread: they add to every time, and under load their queues
 * fill before the Worker's does, so that a benchmark of refusals would measure wrangler.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { R2Bucket } from "@cloudflare/workers-types";
import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import { publishBucketOf } from "../../scripts/publish/r2-bucket.ts";
import type { EngineName } from "../engines.ts";
import { bundleWorker, entryOf } from "./bundled.ts";
import { SERVED_CONFIG, fileHere, residentMb } from "./client.ts";
import type { Started, Variables } from "./client.ts";

/** As in wrangler.toml beside this file. */
const COMPATIBILITY = {
  compatibilityDate: "2026-10-23",
  compatibilityFlags: ["enable_request_signal", "no_nodejs_compat"],
};

export interface Direct extends Started {
  /** What workerd itself complained of: uncaught errors, requests that hang. */
  readonly complaints: readonly string[];
}

/** The bundled Worker in a folder, to be started from it any number of times. */
export interface Bundle {
  readonly folder: string;
  readonly modules: readonly string[];
  remove(): Promise<void>;
}

/** Bundles an entry of the folder beside this file, by its name. */
export const bundleEntry = (name: string): Promise<Bundle> =>
  bundle(fileHere(`entries/${name}.ts`));

/** Bundles the Worker by an engine. */
export const bundleEngine = (engine: EngineName): Promise<Bundle> => bundle(entryOf(engine));

async function bundle(entry: string): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), "edge-prefix-direct-"));
  const modules = await bundleWorker(folder, [entry, "--config", SERVED_CONFIG]);
  return { folder, modules, remove: () => rm(folder, { recursive: true, force: true }) };
}

const isMain = (name: string): boolean => name.endsWith(".js");

/** What wrangler's default rules make of a module. */
function typeOf(name: string): "ESModule" | "CompiledWasm" | "Data" {
  if (isMain(name)) return "ESModule";
  return name.endsWith(".wasm") ? "CompiledWasm" : "Data";
}

export interface DirectOptions {
  /** What is started: a bundle, or the Worker by an engine, bundled for this start alone. */
  readonly start: Bundle | EngineName;
  /** A folder that keeps the bucket from one start to the next; by default it is thrown away. */
  readonly persist?: string;
}

/** A fresh workerd with an inspector; BASE is among the variables. */
export async function startDirect(
  variables: Variables,
  { start, persist }: DirectOptions,
): Promise<Direct> {
  const isOwn = typeof start === "string";
  const { folder, modules, remove } = isOwn ? await bundleEngine(start) : start;
  const complaints: string[] = [];
  const miniflare = new Miniflare({
    ...convertV4MiniflareOptions({
      ...COMPATIBILITY,
      name: "bench",
      modulesRoot: folder,
      // The first one is the entry.
      modules: [...modules.filter(isMain), ...modules.filter((name) => !isMain(name))].map(
        (name) => ({ type: typeOf(name), path: join(folder, name) }),
      ),
      bindings: { ...variables },
      r2Buckets: ["BUCKET"],
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
      inspectorPort: 0,
      cf: false,
      // The Worker's own lines, one a request, are not needed here.
      handleStructuredLogs: ({ level, message }) => {
        if (level === "error" || level === "warn") complaints.push(message);
      },
    }),
    ...(persist === undefined ? {} : { resourcePersistencePath: persist }),
  });
  const stop = async (): Promise<void> => {
    await miniflare.dispose();
    if (isOwn) await remove();
  };
  try {
    const url = String(await miniflare.unsafeGetDirectURL()).replace(/\/$/, "");
    const inspectorUrl = await miniflare.getInspectorURL();
    inspectorUrl.protocol = "http:";
    const r2 = (await miniflare.getR2Bucket("BUCKET")) as unknown as R2Bucket;
    return {
      url,
      bucket: publishBucketOf(r2),
      inspectorUrl,
      complaints,
      get: (path) => fetch(`${url}${path}`),
      residentMb,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
