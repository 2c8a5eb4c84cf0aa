/**
 * How long after a pointer is written do answers come from the new version, and what does a push do
 * to the requests under way? The whole Worker in workerd, clients that ask without a pause, and one
 * push after the other.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import type { PublishBucket } from "../scripts/publish/bucket.ts";
import { publishTask } from "../scripts/publish/publish-task.ts";
import { ENGINE_OPTION, readEngine } from "./engines.ts";
import { startServed } from "./served/client.ts";
import { makeTask, writeTask } from "./served/made-task.ts";
import type { Served } from "./served/client.ts";
import { summary, summaryRow, table } from "./stats.ts";

const TASK = "live";
const BASELINE_MS = 5_000;
/** Pushes fall anywhere between two looks at the bucket. */
const MAX_GAP_MS = 500;
/** Beyond this a push has not become live at all. */
const GIVE_UP_MS = 30_000;
const MUST_BE_LIVE_MS = 1_000;

interface Seen {
  readonly at: number;
  readonly ms: number;
  readonly status: number;
  readonly version: string | null;
}

export const bench = defineCommand({
  summary: "milliseconds from a push to its answers, under load, and requests that it fails",
  usage: "[--base DIR] [--engine E] [--pushes N] [--clients N]",
  example: "npx edge-prefix bench push-to-live --pushes 50 --clients 4",
  options: {
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "base folder" },
    ...ENGINE_OPTION,
    pushes: { type: "string", value: "N", default: "50", hint: "versions pushed" },
    clients: { type: "string", value: "N", default: "4", hint: "clients that ask all the time" },
  },
  async run({ values, io }) {
    const pushes = readInteger(values.pushes, "--pushes", { min: 1, max: 1_000 })!;
    const clients = readInteger(values.clients, "--clients", { min: 1, max: 1_000 })!;
    const folder = await mkdtemp(join(tmpdir(), "edge-prefix-push-"));
    const engine = readEngine(values.engine);
    const served = await startServed(engine, values.base);
    try {
      await push(served, folder, 0);
      const traffic = startTraffic(served, clients);
      await pause(BASELINE_MS);
      const baseline = traffic.seen.splice(0);
      const live: { first: number; last: number }[] = [];
      for (let i = 1; i <= pushes; i++) {
        // A fixed sequence that covers the gap evenly: the golden ratio's multiples.
        await pause(((i * 0.618) % 1) * MAX_GAP_MS);
        live.push(await timePush(served, folder, i, traffic.seen));
        io.err(`push ${i}/${pushes}: ${live.at(-1)!.last.toFixed(0)} ms`);
      }
      await traffic.stop();
      const failures = [...baseline, ...traffic.seen].filter(({ status }) => status !== 200);
      const result = {
        bench: "push-to-live",
        engine,
        pushes,
        clients,
        first_new_answer_ms: summary(live.map(({ first }) => first)),
        last_old_request_ms: summary(live.map(({ last }) => last)),
        request_ms: {
          before: summary(baseline.map(({ ms }) => ms)),
          while_pushing: summary(traffic.seen.map(({ ms }) => ms)),
        },
        requests: baseline.length + traffic.seen.length,
        failures: failures.length,
      };
      const ok = failures.length === 0 && result.last_old_request_ms.p99 < MUST_BE_LIVE_MS;
      if (io.json) io.out(JSON.stringify({ ...result, ok }));
      else {
        io.out(
          table([
            ["ms", "p50", "p99", "max"],
            summaryRow("pointer written to first new answer", result.first_new_answer_ms),
            summaryRow("pointer written to live", result.last_old_request_ms),
            summaryRow("a request, nothing pushed", result.request_ms.before),
            summaryRow("a request, while pushing", result.request_ms.while_pushing),
          ]),
        );
        io.out(`${result.requests} requests, ${result.failures} failed`);
        io.out("live: every request that begins from then on is answered by the new version");
        io.out(`${ok ? "ok" : "FAILED"}: live within ${MUST_BE_LIVE_MS} ms (p99), none failed`);
      }
      return ok ? 0 : 1;
    } finally {
      await served.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
});

/** Clients that ask as soon as they are answered, until they are stopped. */
function startTraffic(served: Served, clients: number) {
  const seen: Seen[] = [];
  const traffic = { isOver: false };
  const client = async (): Promise<void> => {
    while (!traffic.isOver) {
      const failed = { status: 0, version: null, ms: 0 };
      const answer = await served.ask(TASK).catch(() => failed);
      seen.push({ ...answer, at: performance.now() });
    }
  };
  const all = Array.from({ length: clients }, client);
  return {
    seen,
    async stop() {
      traffic.isOver = true;
      await Promise.all(all);
    },
  };
}

/** Pushes the i-th version the usual way; returns it and when its pointer was sent off. */
async function push(
  { base, bucket }: Served,
  folder: string,
  i: number,
): Promise<{ version: string; at: number }> {
  const made = makeTask(base, { task: TASK, seed: i });
  const path = await writeTask(join(folder, String(i)), made);
  let at = 0;
  const timed: PublishBucket = {
    ...bucket,
    putIf(...args) {
      at = performance.now();
      return bucket.putIf(...args);
    },
  };
  await publishTask(timed, path);
  return { version: made.version, at };
}

/**
 * Milliseconds from the pointer's write to the first new answer, and to the start of the last request
 * that got an old one: from then on the push is live.
 */
async function timePush(
  served: Served,
  folder: string,
  i: number,
  seen: readonly Seen[],
): Promise<{ first: number; last: number }> {
  const { version, at } = await push(served, folder, i);
  const since = (): readonly Seen[] => seen.filter((answer) => answer.at >= at);
  // A request sent before the first new answer may still get an old one.
  const isSettled = (): boolean => {
    const found = since();
    const first = found.findIndex((answer) => answer.version === version);
    return first >= 0 && found.slice(first).filter((a) => a.version === version).length >= 20;
  };
  while (!isSettled()) {
    if (performance.now() - at > GIVE_UP_MS) return { first: GIVE_UP_MS, last: GIVE_UP_MS };
    await pause(5);
  }
  const found = since();
  const firstNew = found.find((answer) => answer.version === version)!;
  const old = found.filter((answer) => answer.version !== version);
  const last = Math.max(0, ...old.map((answer) => answer.at - answer.ms - at));
  return { first: firstNew.at - at, last };
}
