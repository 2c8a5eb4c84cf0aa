/** The Worker for batches in a workerd of its own, with its queues. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { R2Bucket } from "@cloudflare/workers-types";
import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import type { PublishBucket } from "../../scripts/publish/bucket.ts";
import { publishBucketOf } from "../../scripts/publish/r2-bucket.ts";
import type { Bundle } from "./direct.ts";

export interface BulkServer {
  readonly url: string;
  readonly bucket: PublishBucket;
  readonly pids: readonly number[];
  /** Milliseconds that its workerd has computed. */
  cpuMs(): number;
  stop(): Promise<void>;
  /** Ends its workerd as a crash would. */
  kill(): Promise<void>;
}

const TICKS_PER_S = 100;

/** Processes of workerd that this one has started. */
export const workerdPids = (): number[] =>
  execFileSync("ps", ["-A", "-o", "pid=,ppid=,comm="], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, ppid, name]) => Number(ppid) === process.pid && name === "workerd")
    .map(([pid]) => Number(pid));

/** Starts the bundled Worker over the bucket in a folder. */
export async function startBulk(
  { folder, modules }: Bundle,
  persist: string,
  variables: Readonly<Record<string, string | number>>,
): Promise<BulkServer> {
  const before = workerdPids();
  const queue = (name: string) => ({ maxBatchSize: 1, maxRetries: 5, deadLetterQueue: name });
  const types = { js: "ESModule", wasm: "CompiledWasm", bin: "Data" } as const;
  const miniflare = new Miniflare({
    ...convertV4MiniflareOptions({
      compatibilityDate: "2026-10-23",
      compatibilityFlags: ["enable_request_signal", "no_nodejs_compat"],
      name: "bulk",
      modulesRoot: folder,
      modules: [...modules]
        .sort((a, b) => Number(b.endsWith(".js")) - Number(a.endsWith(".js")))
        .map((name) => ({
          type: types[name.slice(name.lastIndexOf(".") + 1) as keyof typeof types],
          path: join(folder, name),
        })),
      bindings: { ...variables },
      r2Buckets: ["BUCKET"],
      queueProducers: { QUEUE: "bulk" },
      queueConsumers: { bulk: queue("bulk-dead"), "bulk-dead": { maxBatchSize: 1 } },
      cf: false,
      handleStructuredLogs: () => undefined,
    }),
    resourcePersistencePath: persist,
  });
  const url = String(await miniflare.ready).replace(/\/$/, "");
  const pids = workerdPids().filter((pid) => !before.includes(pid));
  const r2 = (await miniflare.getR2Bucket("BUCKET")) as unknown as R2Bucket;
  return {
    url,
    bucket: publishBucketOf(r2),
    pids,
    cpuMs() {
      const ticks = pids.map((pid) => {
        const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
        return Number(fields[11]) + Number(fields[12]);
      });
      return (ticks.reduce((sum, value) => sum + value, 0) * 1_000) / TICKS_PER_S;
    },
    stop: () => miniflare.dispose(),
    async kill() {
      for (const pid of pids) process.kill(pid, "SIGKILL");
      await miniflare.dispose().catch(() => undefined);
    },
  };
}
