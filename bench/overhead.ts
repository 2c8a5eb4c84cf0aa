/**
 * What does a request cost beyond the model? Whole requests at the Worker's own app, from a Request
 * to the last byte of its answer, against the run of the encoder within each; inside a workerd without
 * wrangler's, whose log of every request would be measured too. Our engines take turns, and with them
 * bare runs of the graph that transformers.js runs, if it is given.
 */
import { readManifestOfBase } from "../scripts/publish/publish-base.ts";
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import { ENGINE_OPTION, enginesOf, readEngine } from "./engines.ts";
import type { EngineName } from "./engines.ts";
import { putTask, serveBase } from "./served/client.ts";
import type { Served } from "./served/client.ts";
import { bundleEntry, startDirect } from "./served/direct.ts";
import type { OverheadReply, OverheadRequest } from "./served/protocol.ts";
import { differenceSpread, median, ratioSpread, table } from "./stats.ts";
import { startBenchWorker } from "./workerd/client.ts";

const TASK = "overhead";
/** First runs are slow until V8 has compiled the wasm for speed. */
const WARM_UP_ROUNDS = 20;
/** Rounds until it is another engine's turn. */
const TURN_ROUNDS = 5;
const ALLOWED_SHARE = 0.03;
const ALLOWED_MS = 2;

export const bench = defineCommand({
  summary: "milliseconds of a request over its own run of the encoder, inside workerd",
  usage:
    "[--base DIR] [--peer DIR|FILE] [--engine E] [--tokens T] [--prefix-length P] [--rounds N]",
  example: "npx edge-prefix bench overhead --tokens 128",
  options: {
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "base folder" },
    peer: { type: "string", value: "DIR|FILE", hint: "as for `bench latency`" },
    ...ENGINE_OPTION,
    tokens: { type: "string", value: "T", default: "128", hint: "tokens of the text" },
    "prefix-length": { type: "string", value: "P", default: "16", hint: "virtual tokens" },
    rounds: { type: "string", value: "N", default: "100", hint: "measured rounds" },
  },
  async run({ values, io }) {
    const tokens = readInteger(values.tokens, "--tokens", { min: 3, max: 255 })!;
    const length = readInteger(values["prefix-length"], "--prefix-length", { min: 0, max: 256 })!;
    const rounds = readInteger(values.rounds, "--rounds", { min: 2, max: 100_000 })!;
    const { manifest } = await readManifestOfBase(values.base);
    const engine = readEngine(values.engine, manifest);
    const contenders: Contender[] = [];
    const peer = values.peer === undefined ? null : await startBenchWorker();
    try {
      for (const name of enginesOf(manifest)) {
        contenders.push(await startContender(name, values.base, length, tokens));
      }
      await peer?.loadPeer("peer", values.peer!);
      const peerTimes: number[] = [];
      for (let round = 0; round < rounds; round += TURN_ROUNDS) {
        const now = Math.min(TURN_ROUNDS, rounds - round);
        for (const { ask, reply } of contenders) {
          const { timings, request, run } = await ask(now);
          reply.timings.push(...timings);
          reply.request.push(...request);
          reply.run.push(...run);
        }
        const cases = [{ rows: 1, tokens, queries: "all", prefixLengths: [], labels: 0 }] as const;
        const reply = await peer?.run({ subjects: ["peer"], cases, rounds: now });
        peerTimes.push(...(reply?.times[0]!["peer"] ?? []));
      }
      const results = contenders.map(({ name, reply: { timings, request, run } }) => {
        const overhead = differenceSpread(request, run);
        return {
          engine: name,
          request_ms: median(request),
          run_ms: median(run),
          overhead_ms: overhead,
          ratio: ratioSpread(request, run),
          parts_ms: meanParts(timings),
          request_to_peer: peer && median(request) / median(peerTimes),
          allowed_ms: allowedMs(median(run)),
          ok: overhead.median <= allowedMs(median(run)),
        };
      });
      const ok = results.every((result) => result.ok);
      const { shape } = contenders[0]!;
      if (io.json) {
        const about = { base: manifest.name, shape, prefix_length: length, rounds };
        const own = results.find((result) => result.engine === engine);
        io.out(JSON.stringify({ bench: "overhead", ...about, ...own, ok, results }));
      } else {
        const ms = (value: number): string => value.toFixed(2);
        const head = ["request ms", "run ms", "overhead ms", "ratio", "allowed ms", "to peer"];
        const rows = results.map((result) => [
          result.engine,
          ms(result.request_ms),
          ms(result.run_ms),
          `${ms(result.overhead_ms.median)} (${ms(result.overhead_ms.low)} .. ${ms(result.overhead_ms.high)})`,
          result.ratio.median.toFixed(3),
          ms(result.allowed_ms),
          result.request_to_peer?.toFixed(2) ?? "",
        ]);
        io.out(table([[`${manifest.name}, ${shape.join("x")}, P ${length}`, ...head], ...rows]));
        for (const { engine: name, parts_ms } of results) {
          const parts = Object.entries(parts_ms).map(([part, mean]) => `${part} ${ms(mean)}`);
          io.out(`means of the request's own parts, ${name}: ${parts.join(", ")} ms`);
        }
        io.out(ok ? "ok" : "FAILED");
      }
      return ok ? 0 : 1;
    } finally {
      for (const { stop } of contenders) await stop();
      await peer?.stop();
    }
  },
});

/** A served engine that has been warmed up, and what it has measured so far. */
interface Contender {
  readonly name: EngineName;
  readonly shape: readonly number[];
  readonly reply: { timings: string[]; request: number[]; run: number[] };
  ask(rounds: number): Promise<OverheadReply>;
  stop(): Promise<void>;
}

async function startContender(
  name: EngineName,
  baseDir: string,
  prefixLength: number,
  tokens: number,
): Promise<Contender> {
  const bundle = await bundleEntry(`overhead-${name}`);
  const served = await serveBase(baseDir, (base) => startDirect(base, { start: bundle }));
  await putTask(served, TASK, { numVirtualTokens: prefixLength });
  const ask = (rounds: number): Promise<OverheadReply> =>
    measure(served, { task: TASK, tokens, rounds });
  const { shape } = await ask(WARM_UP_ROUNDS);
  return {
    name,
    shape,
    reply: { timings: [], request: [], run: [] },
    ask,
    async stop() {
      await served.stop();
      await bundle.remove();
    },
  };
}

/** Milliseconds that a request may take beyond a run of `runMs`. */
export const allowedMs = (runMs: number): number => Math.max(ALLOWED_SHARE * runMs, ALLOWED_MS);

/** Mean milliseconds by part, of server-timing headers; a clock of whole milliseconds is right on average. */
export function meanParts(timings: readonly string[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const timing of timings) {
    for (const [, part = "", ms] of timing.matchAll(/(\w+);dur=([\d.]+)/g)) {
      sums[part] = (sums[part] ?? 0) + Number(ms);
    }
  }
  return Object.fromEntries(
    Object.entries(sums).map(([part, total]) => [part, total / timings.length]),
  );
}

async function measure({ url }: Served, request: OverheadRequest): Promise<OverheadReply> {
  const reply = await fetch(`${url}/bench/overhead`, {
    method: "POST",
    body: JSON.stringify(request),
  });
  if (!reply.ok) throw new Error(`bench worker: ${await reply.text()}`);
  return (await reply.json()) as OverheadReply;
}
