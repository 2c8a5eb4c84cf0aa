/** Starts the benchmark Worker in a local workerd and talks to it. */
import { fileURLToPath } from "node:url";
import { unstable_startWorker } from "wrangler";
import type { GraphFiles } from "../../src/engine/session.ts";
import type { MixedReply, MixedRequest, RunReply, RunRequest } from "./protocol.ts";

export interface BenchWorker {
  load(session: string, files: GraphFiles): Promise<{ ms: number; heapBytes: number }>;
  run(request: RunRequest): Promise<RunReply>;
  runMixed(request: MixedRequest): Promise<MixedReply>;
  stop(): Promise<void>;
}

/** A fresh workerd with nothing loaded. */
export async function startBenchWorker(): Promise<BenchWorker> {
  // Without a network, wrangler would print a stack trace about data that no benchmark needs.
  process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";
  const worker = await unstable_startWorker({
    config: fileURLToPath(new URL("wrangler.toml", import.meta.url)),
    dev: { server: { port: 0 }, inspector: false, logLevel: "error", watch: false },
  });
  await worker.ready;
  const base = String(await worker.url);
  const call = async (path: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(new URL(path, base), init);
    if (!response.ok) throw new Error(`bench worker ${path}: ${await response.text()}`);
    return response;
  };
  return {
    async load(session, { graph, weights }) {
      for (const [name, bytes] of new Map([["model.onnx", graph], ...weights])) {
        await call(`/files/${session}/${name}`, { method: "PUT", body: new Blob([bytes.slice()]) });
      }
      const reply = await call(`/create/${session}`, { method: "POST" });
      return (await reply.json()) as { ms: number; heapBytes: number };
    },
    async run(request) {
      const reply = await call("/run", { method: "POST", body: JSON.stringify(request) });
      return (await reply.json()) as RunReply;
    },
    async runMixed(request) {
      const reply = await call("/mixed", { method: "POST", body: JSON.stringify(request) });
      return (await reply.json()) as MixedReply;
    },
    stop: () => worker.dispose(),
  };
}
