/**
 * Minutes of everything at once: mixed tasks, streams, clients that leave, wrong requests, and tasks
 * that are pushed meanwhile. Nothing may go wrong that is not meant to, and once everything has
 * happened a few times, memory stays as it is. Clients talk to workerd without a proxy between them, so that
 * one who leaves really leaves, and whatever workerd complains of counts as gone wrong.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { defineCommand, readInteger, readNumber } from "../scripts/cli/command.ts";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import { startProgress } from "../scripts/cli/progress.ts";
import { publishTask } from "../scripts/publish/publish-task.ts";
import { derive, keyOf, uniforms } from "../src/learn/random.ts";
import { ENGINE_OPTION, readEngine } from "./engines.ts";
import { growthOf, sampleMemory } from "./load/growth.ts";
import type { Memory } from "./load/growth.ts";
import { closedLoop } from "./load/schedule.ts";
import { askSomething } from "./load/traffic.ts";
import type { Result } from "./load/traffic.ts";
import { serveBase } from "./served/client.ts";
import { startDirect } from "./served/direct.ts";
import { makeTask, writeTask } from "./served/made-task.ts";
import { connectInspector } from "./served/inspector.ts";
import { quantile, table } from "./stats.ts";

const TASKS = Array.from({ length: 8 }, (_, i) => `soak-${i}`);
const PUSH_EVERY_MS = 2_000;
/** Small, so that the cache is full, and lets go of tasks, early on. */
const CACHE_BYTES = 2_000_000;
/** Memory is looked at so often, and not before a third of the time has passed. */
const SAMPLES = 60;
const WARM_UP_SHARE = 1 / 3;
/** Kinds of faults that are shown. */
const MAX_FAULTS = 20;

export const bench = defineCommand({
  summary: "minutes of mixed requests, pushes, aborts and errors: memory, and what went wrong",
  usage: "[--base DIR] [--engine E] [--minutes N] [--clients N] [--seed N]",
  example: "npx edge-prefix bench soak --minutes 15",
  options: {
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "base folder" },
    ...ENGINE_OPTION,
    minutes: { type: "string", value: "N", default: "15", hint: "how long" },
    clients: { type: "string", value: "N", default: "4", hint: "clients that ask all the time" },
    seed: { type: "string", value: "N", default: "1", hint: "decides who asks what" },
  },
  async run({ values, io }) {
    const minutes = readNumber(values.minutes, "--minutes", { min: 0.1, max: 10_000 })!;
    const clients = readInteger(values.clients, "--clients", { min: 1, max: 100 })!;
    const seed = readInteger(values.seed, "--seed", { min: 0 })!;
    const ms = 60_000 * minutes;
    const folder = await mkdtemp(join(tmpdir(), "edge-prefix-soak-"));
    const variables = { TASK_CACHE_BYTES: String(CACHE_BYTES) };
    const engine = readEngine(values.engine);
    const served = await serveBase(values.base, (base) =>
      startDirect({ ...base, ...variables }, { start: engine }),
    );
    const inspector = await connectInspector(served);
    const bar = startProgress(io, { label: "seconds", total: Math.round(ms / 1000) });
    try {
      const push = async (i: number): Promise<void> => {
        const task = TASKS[i % TASKS.length]!;
        const path = await writeTask(
          join(folder, String(i)),
          makeTask(served.base, { task, seed: i }),
        );
        await publishTask(served.bucket, path);
        await rm(path, { recursive: true });
      };
      for (const i of TASKS.keys()) await push(i);

      const random = uniforms(derive(keyOf(seed), "soak"));
      const site = { url: served.url, tasks: TASKS, random };
      const start = performance.now();
      const isOver = (): boolean => performance.now() - start >= ms;
      let pushes = 0;
      const pushing = async (): Promise<void> => {
        for (await pause(PUSH_EVERY_MS); !isOver(); await pause(PUSH_EVERY_MS)) {
          await push(TASKS.length + pushes++);
        }
      };
      const samples: Memory[] = [];
      const watching = async (): Promise<void> => {
        for (await pause(ms * WARM_UP_SHARE); !isOver(); await pause(ms / SAMPLES)) {
          samples.push(await sampleMemory(served, inspector));
          bar.update(Math.round((performance.now() - start) / 1000));
        }
      };
      const traffic = closedLoop({ clients, ms }, () => askSomething(site));
      const [results] = await Promise.all([traffic, pushing(), watching()]);
      bar.stop();

      const heap = growthOf(samples);
      const faults = results.filter(({ fault }) => fault !== null);
      const { complaints } = served;
      const unexpected = faults.length + complaints.length;
      const ok = heap.isFlat && unexpected === 0;
      const result = {
        bench: "soak",
        engine,
        base: served.base.name,
        minutes,
        clients,
        seed,
        requests: results.length,
        pushes,
        aborted: results.filter(({ isAborted }) => isAborted).length,
        refused: results.filter(({ status }) => status === 503 || status === 429).length,
        kinds: byKind(results),
        unexpected,
        faults: [
          ...new Set(faults.map(({ kind, fault }) => `${kind}: ${fault}`)),
          ...new Set(complaints.map((complaint) => `workerd: ${complaint}`)),
        ].slice(0, MAX_FAULTS),
        heap_growth: { wasm_bytes: heap.wasmBytes, live_bytes: heap.liveBytes },
        memory: samples,
        ok,
      };
      if (io.json) io.out(JSON.stringify(result));
      else {
        const rows = Object.entries(result.kinds).map(([kind, { requests, p50, p99 }]) => [
          kind,
          String(requests),
          p50.toFixed(0),
          p99.toFixed(0),
        ]);
        io.out(table([["kind", "requests", "p50 ms", "p99 ms"], ...rows]));
        io.out(
          `${result.requests} requests, ${pushes} pushes, ${result.aborted} left by the client, ${result.refused} refused, ${result.unexpected} unexpected`,
        );
        for (const fault of result.faults) io.out(`  ${fault}`);
        io.out(
          `after a third of the time: wasm memory +${heap.wasmBytes} bytes, live objects ${heap.liveBytes >= 0 ? "+" : ""}${heap.liveBytes.toFixed(0)} bytes, workerd ${samples[0]?.residentMb?.toFixed(0)} -> ${samples.at(-1)?.residentMb?.toFixed(0)} MB`,
        );
        io.out(`${ok ? "ok" : "FAILED"}: memory flat, nothing unexpected`);
      }
      return ok ? 0 : 1;
    } finally {
      bar.stop();
      inspector.close();
      await served.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
});

interface KindSummary {
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
}

function byKind(results: readonly Result[]): Record<string, KindSummary> {
  const times = Map.groupBy(results, ({ kind }) => kind);
  return Object.fromEntries(
    [...times].toSorted().map(([kind, own]) => {
      const all = own.map(({ ms }) => ms);
      return [kind, { requests: all.length, p50: quantile(all, 0.5), p99: quantile(all, 0.99) }];
    }),
  );
}
