/**
 * Ten times as many requests as the Worker can answer: those it takes are answered before their
 * deadline, the rest is told at once when to come back, and a second later nothing is left of it.
 * An open loop, which does not slow down when the server does.
 *
 * Times are the client's, from `fetch` to the last byte, with no proxy between client and workerd.
 * Client and Worker share the machine: `client_late_ms` says by how much the client could not keep
 * its own schedule, which is no part of any request's time. How long it takes to recover is decided
 * by the deadline, because a queue grows until its end would be late.
 */
import { defineCommand, readInteger, readNumber } from "../scripts/cli/command.ts";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import { ENGINE_OPTION, readEngine } from "./engines.ts";
import { countOutcomes, outcomeOf } from "./load/answers.ts";
import type { Seen } from "./load/answers.ts";
import { growthOf, sampleMemory } from "./load/growth.ts";
import { badShare, closedLoop, openLoop, recoveryMs } from "./load/schedule.ts";
import type { Probe } from "./load/schedule.ts";
import { putTask, serveBase } from "./served/client.ts";
import type { Served } from "./served/client.ts";
import { startDirect } from "./served/direct.ts";
import { connectInspector } from "./served/inspector.ts";
import { median, quantile, table } from "./stats.ts";

const TASK = "overload";
/** About 128 tokens: so few a second that the client is never the bottleneck. */
const TEXT = "the film is as good as the book and it is not as long as that one ".repeat(8);
const CLIENTS = 4;
/** V8 compiles what is hot for speed within some hundred runs: before that, the capacity is half of it. */
const WARM_UP_MS = 15_000;
const CAPACITY_MS = 5_000;
const RECOVERY_MS = 1_000;
const PROBE_MS = 3_000;
/** A probe is as good as before the load when it takes at most so many times their median then. */
const MOST_SLOWDOWN = 2;
/** Beyond the deadline by this much, no answer is to be expected. */
const PATIENCE_MS = 10_000;
/** Samples of memory before the load and after it. */
const SAMPLES = 3;

export const bench = defineCommand({
  summary: "ten times the capacity in an open loop: deadlines, refusals, memory, recovery",
  usage: "[--base DIR] [--engine E] [--seconds N] [--times X] [--deadline-ms N]",
  example: "npx edge-prefix bench overload --seconds 60",
  options: {
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "base folder" },
    ...ENGINE_OPTION,
    seconds: { type: "string", value: "N", default: "60", hint: "seconds of overload" },
    times: { type: "string", value: "X", default: "10", hint: "load, in capacities" },
    "deadline-ms": { type: "string", value: "N", default: "1000", hint: "DEADLINE_MS" },
  },
  async run({ values, io }) {
    const seconds = readInteger(values.seconds, "--seconds", { min: 1, max: 3_600 })!;
    const times = readNumber(values.times, "--times", { min: 1, max: 1_000 })!;
    const deadlineMs = readInteger(values["deadline-ms"], "--deadline-ms", { min: 100 })!;
    const variables = { DEADLINE_MS: String(deadlineMs) };
    const engine = readEngine(values.engine);
    const served = await serveBase(values.base, (base) =>
      startDirect({ ...base, ...variables }, { start: engine }),
    );
    const inspector = await connectInspector(served);
    try {
      await putTask(served, TASK);
      const ask = (): Promise<Seen> => predict(served, deadlineMs + PATIENCE_MS);
      const memory = async (): Promise<void> =>
        void samples.push(await sampleMemory(served, inspector));
      const samples: Awaited<ReturnType<typeof sampleMemory>>[] = [];

      await closedLoop({ clients: CLIENTS, ms: WARM_UP_MS }, ask);
      const closed = await closedLoop({ clients: CLIENTS, ms: CAPACITY_MS }, ask);
      const answeredBefore = closed.filter((seen) => outcomeOf(seen) === "answered").length;
      const capacity = (1000 * answeredBefore) / CAPACITY_MS;
      // As long as the probes afterwards: what slows some of them down without a load is seen here too.
      const before = await probe(ask, performance.now() + PROBE_MS);
      const usualMs = median(before.map(({ seen }) => seen.ms));
      const judge = (probes: readonly Asked[]): Probe[] =>
        probes.map(({ at, seen }) => {
          const isQuick = seen.ms <= MOST_SLOWDOWN * usualMs;
          return { at, isGood: outcomeOf(seen) === "answered" && isQuick };
        });
      for (let i = 0; i < SAMPLES; i++) await memory();
      io.err(`capacity: ${capacity.toFixed(1)} requests/s; a lone one ${usualMs.toFixed(0)} ms`);

      let probes: Promise<Asked[]> = Promise.resolve([]);
      let end = 0;
      const load = { perSecond: times * capacity, seconds };
      const sent = await openLoop(load, ask, () => {
        end = performance.now();
        probes = probe(ask, end + PROBE_MS);
      });
      io.err(`sent ${sent.all.length} requests`);
      const after = judge(await probes);
      const recovered = recoveryMs(after, end);
      for (let i = 0; i < SAMPLES; i++) await memory();

      const counts = countOutcomes(sent.all);
      const accepted = sent.all.filter((seen) => outcomeOf(seen) === "answered");
      const refused = sent.all.filter((seen) => outcomeOf(seen) === "refused");
      const heap = growthOf(samples);
      const checks = {
        overloaded: counts.refused > 0 && counts.answered > 0,
        accepted_in_time: quantileOf(accepted, 0.99) <= deadlineMs,
        nothing_unexpected: Object.keys(counts.unexpected).length === 0,
        heap_flat: heap.isFlat,
        recovered: recovered <= RECOVERY_MS,
      };
      const ok = Object.values(checks).every(Boolean);
      const result = {
        bench: "overload",
        engine,
        base: served.base.name,
        seconds,
        deadline_ms: deadlineMs,
        capacity_per_s: capacity,
        sent_per_s: load.perSecond,
        client_late_ms: quantile(sent.lateMs, 0.99),
        requests: sent.all.length,
        ...counts,
        answered_per_s: counts.answered / seconds,
        accepted_ms: { p50: quantileOf(accepted, 0.5), p99: quantileOf(accepted, 0.99) },
        refused_ms: { p50: quantileOf(refused, 0.5), p99: quantileOf(refused, 0.99) },
        heap_growth: { wasm_bytes: heap.wasmBytes, live_bytes: heap.liveBytes },
        resident_mb: { before: samples[0]!.residentMb, after: samples.at(-1)!.residentMb },
        lone_ms: usualMs,
        recovered_ms: recovered,
        slow_share: { before: badShare(judge(before)), after: badShare(after, end + recovered) },
        checks,
        ok,
      };
      if (io.json) io.out(JSON.stringify(result));
      else print(result, io.out);
      return ok ? 0 : 1;
    } finally {
      inspector.close();
      await served.stop();
    }
  },
});

async function predict({ url }: Served, patienceMs: number): Promise<Seen> {
  const start = performance.now();
  const taken = (): number => performance.now() - start;
  try {
    const response = await fetch(`${url}/v1/tasks/${TASK}/predict`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ inputs: TEXT }),
      signal: AbortSignal.timeout(patienceMs),
    });
    await response.arrayBuffer();
    const retryAfter = response.headers.get("retry-after");
    return { status: response.status, retryAfter, ms: taken() };
  } catch {
    return { status: 0, retryAfter: null, ms: taken() };
  }
}

/** A request, and when it was sent. */
interface Asked {
  readonly at: number;
  readonly seen: Seen;
}

/** Asks one request after the other until `until`. */
async function probe(ask: () => Promise<Seen>, until: number): Promise<Asked[]> {
  const asked: Asked[] = [];
  for (let at = performance.now(); at < until; at = performance.now()) {
    asked.push({ at, seen: await ask() });
  }
  return asked;
}

const quantileOf = (seen: readonly Seen[], q: number): number =>
  seen.length === 0
    ? NaN
    : quantile(
        seen.map(({ ms }) => ms),
        q,
      );

interface Result {
  readonly seconds: number;
  readonly deadline_ms: number;
  readonly capacity_per_s: number;
  readonly sent_per_s: number;
  readonly client_late_ms: number;
  readonly requests: number;
  readonly answered: number;
  readonly refused: number;
  readonly unexpected: Readonly<Record<string, number>>;
  readonly answered_per_s: number;
  readonly accepted_ms: { readonly p50: number; readonly p99: number };
  readonly refused_ms: { readonly p50: number; readonly p99: number };
  readonly heap_growth: { readonly wasm_bytes: number; readonly live_bytes: number };
  readonly resident_mb: { readonly before: number | null; readonly after: number | null };
  readonly lone_ms: number;
  readonly recovered_ms: number;
  readonly slow_share: { readonly before: number; readonly after: number };
  readonly checks: Readonly<Record<string, boolean>>;
  readonly ok: boolean;
}

function print(result: Result, out: (line: string) => void): void {
  const { accepted_ms: accepted, refused_ms: refused, heap_growth: heap } = result;
  const ms = (value: number): string => value.toFixed(0);
  out(
    table([
      [`${result.seconds} s`, "requests", "a second", "p50 ms", "p99 ms"],
      ["sent", String(result.requests), result.sent_per_s.toFixed(1), "", ""],
      [
        "answered",
        String(result.answered),
        result.answered_per_s.toFixed(1),
        ms(accepted.p50),
        ms(accepted.p99),
      ],
      [
        "refused",
        String(result.refused),
        (result.refused / result.seconds).toFixed(1),
        ms(refused.p50),
        ms(refused.p99),
      ],
    ]),
  );
  const unexpected = Object.entries(result.unexpected).map(([name, n]) => `${n} x ${name}`);
  out(`unexpected: ${unexpected.join(", ") || "none"}`);
  out(
    `capacity ${result.capacity_per_s.toFixed(1)}/s, deadline ${result.deadline_ms} ms; the client was late by ${ms(result.client_late_ms)} ms (p99)`,
  );
  out(
    `wasm memory +${heap.wasm_bytes} bytes, live objects ${heap.live_bytes >= 0 ? "+" : ""}${ms(heap.live_bytes)} bytes, workerd ${ms(result.resident_mb.before ?? NaN)} -> ${ms(result.resident_mb.after ?? NaN)} MB`,
  );
  const { before, after } = result.slow_share;
  const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
  out(
    `recovered ${ms(result.recovered_ms)} ms after the last request of the load; slow ones then ${percent(after)}, before it ${percent(before)}`,
  );
  const failed = Object.entries(result.checks).filter(([, holds]) => !holds);
  out(result.ok ? "ok" : `FAILED: ${failed.map(([name]) => name).join(", ")}`);
}
