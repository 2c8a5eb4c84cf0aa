/**
 * Child of `bench worst-bodies`: the time and memory of JSON.parse alone and of the whole app, for
 * every body. Started with a young generation so large that nothing is collected in between: then
 * what the heap has grown by is all that was allocated.
 *
 *   node --expose-gc --max-semi-space-size=.. measure.ts BYTES ROUNDS   -> a line of JSON a body
 */
import { createApp } from "../../src/app.ts";
import { readConfig } from "../../src/http/settings/config.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { Bucket } from "../../src/serve/bucket/bucket.ts";
import { createServing } from "../../src/serve/serving.ts";
import { sha256, startSha256 } from "../../src/serve/sha256.ts";
import { median } from "../stats.ts";
import { WORST_BODIES } from "./bodies.ts";
import type { WorstBody } from "./bodies.ts";

export interface Cost {
  readonly ms: number;
  readonly bytes: number;
}

export interface BodyCost {
  readonly name: string;
  readonly size: number;
  readonly status: number;
  readonly parse: Cost;
  /** All that the app spends, reading and parsing included. */
  readonly whole: Cost;
}

/** No base and no tasks: a body that passes every check is answered with 503. */
const emptyBucket: Bucket = {
  get: () => Promise.resolve(null),
  list: () => Promise.resolve([]),
} as unknown as Bucket;

const config = readConfig({ BASE: "none" });
const clock = {
  now: () => performance.now(),
  wait: (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms).unref()),
};
const engine: Engine = {
  prepare: () => Promise.reject(new TypeError("worst-bodies: nothing is to be run")),
};
const app = createApp({
  config,
  ...createServing(config, { bucket: emptyBucket, clock, sha256, startSha256, engine }),
  ...clock,
  requestId: () => "bench",
  log: () => undefined,
});

const collect = globalThis.gc ?? ((): void => undefined);
const allocated = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

/** CPU time of this thread alone: a busy machine does not count. */
async function costOf(work: () => unknown): Promise<Cost> {
  collect();
  const bytes = allocated();
  const cpu = process.threadCpuUsage();
  await work();
  const { user, system } = process.threadCpuUsage(cpu);
  return { ms: (user + system) / 1000, bytes: allocated() - bytes };
}

async function measure(
  { name, path, headers: own, make }: WorstBody,
  size: number,
  rounds: number,
) {
  const text = make(size);
  const body = new TextEncoder().encode(text);
  let status = 0;
  const ask = async (): Promise<void> => {
    const headers = { "content-type": "application/json", ...own };
    const chunks = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(body);
        controller.close();
      },
    });
    const init = { method: "POST", headers, body: chunks, duplex: "half" } as const;
    const response = await app.request(path, init);
    status = response.status;
    await response.text();
  };
  const parse = (): void => {
    try {
      JSON.parse(text);
    } catch {
      // Some of them are no JSON.
    }
  };
  const costs: { parse: Cost; whole: Cost }[] = [];
  for (let i = 0; i < rounds; i++) {
    costs.push({ parse: await costOf(parse), whole: await costOf(ask) });
  }
  const middle = (kind: "parse" | "whole"): Cost => ({
    ms: median(costs.map((cost) => cost[kind].ms)),
    bytes: median(costs.map((cost) => cost[kind].bytes)),
  });
  const cost: BodyCost = {
    name,
    size: body.byteLength,
    status,
    parse: middle("parse"),
    whole: middle("whole"),
  };
  return cost;
}

const [size, rounds] = process.argv.slice(2).map(Number);
// The timers above keep no process alive, so that none has to wait for them at the end.
const alive = setInterval(() => undefined, 60_000);
for (const body of WORST_BODIES) {
  process.stdout.write(`${JSON.stringify(await measure(body, size!, rounds!))}\n`);
}
clearInterval(alive);
