/** Starts the benchmark Worker in a local workerd, loads what is compared, and has it timed. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { unstable_startWorker } from "wrangler";
import type { Base } from "../../src/encoder/base.ts";
import type { EngineName } from "../engines.ts";
import { peerFiles } from "../served/peer-files.ts";
import type { CreateReply, CreateRequest, RunReply, RunRequest } from "./protocol.ts";

export interface BenchWorker {
  /** Loads a base by an engine; `subject` is its name in runs. */
  loadBase(subject: string, engine: EngineName, base: Base): Promise<CreateReply>;
  /** Loads the graph that transformers.js runs, from its file or the folder of its checkpoint. */
  loadPeer(subject: string, path: string): Promise<CreateReply>;
  run(request: RunRequest): Promise<RunReply>;
  /** The same after rounds that do not count. */
  time(request: RunRequest): Promise<RunReply>;
  stop(): Promise<void>;
}

/** First runs are slow until V8 has compiled the wasm for speed. */
const WARM_UP_ROUNDS = 6;

/** A fresh workerd with nothing loaded. */
export async function startBenchWorker(): Promise<BenchWorker> {
  // Without a network, wrangler would print a stack trace about data that no benchmark needs.
  process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";
  const worker = await unstable_startWorker({
    config: fileURLToPath(new URL("wrangler.toml", import.meta.url)),
    dev: { server: { port: 0 }, inspector: false, logLevel: "error", watch: false },
  });
  await worker.ready;
  const url = String(await worker.url);
  const call = async (path: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(new URL(path, url), init);
    if (!response.ok) throw new Error(`bench worker ${path}: ${await response.text()}`);
    return response;
  };
  const post = async <T>(path: string, request: CreateRequest | RunRequest): Promise<T> =>
    (await (await call(path, { method: "POST", body: JSON.stringify(request) })).json()) as T;
  const load = async (
    subject: string,
    engine: CreateRequest["engine"],
    files: Iterable<readonly [string, Uint8Array]>,
  ): Promise<CreateReply> => {
    for (const [name, bytes] of files) {
      await call(`/files/${subject}/${name}`, { method: "PUT", body: new Blob([bytes.slice()]) });
    }
    return post(`/create/${subject}`, { engine });
  };
  const run = (request: RunRequest): Promise<RunReply> => post("/run", request);
  return {
    loadBase: (subject, engine, { files }) => load(subject, engine, files),
    async loadPeer(subject, path) {
      const graph = new Uint8Array(await readFile((await peerFiles(path)).graph));
      return load(subject, "plain", [["model.onnx", graph]]);
    },
    run,
    async time(request) {
      await run({ ...request, rounds: WARM_UP_ROUNDS });
      return run(request);
    },
    stop: () => worker.dispose(),
  };
}
