/**
 * What does a request cost beyond the model? Whole requests at the Worker's own app, from a Request
 * to the last byte of its answer, against the run of the encoder within each; inside a workerd without
 * wrangler's, whose log of every request would be measured too.
 */
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import { putTask, serveBase } from "./served/client.ts";
import type { Served } from "./served/client.ts";
import { bundleEntry, startDirect } from "./served/direct.ts";
import type { OverheadReply, OverheadRequest } from "./served/protocol.ts";
import { differenceSpread, median, ratioSpread, table } from "./stats.ts";

const TASK = "overhead";
/** First runs are slow until V8 has compiled the wasm for speed. */
const WARM_UP_ROUNDS = 20;
const ALLOWED_SHARE = 0.03;
const ALLOWED_MS = 2;

export const bench = defineCommand({
  summary: "milliseconds of a request over its own run of the encoder, inside workerd",
  usage: "[--base DIR] [--tokens T] [--prefix-length P] [--rounds N]",
  example: "npx edge-prefix bench overhead --tokens 128",
  options: {
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "base folder" },
    tokens: { type: "string", value: "T", default: "128", hint: "tokens of the text" },
    "prefix-length": { type: "string", value: "P", default: "16", hint: "virtual tokens" },
    rounds: { type: "string", value: "N", default: "100", hint: "measured rounds" },
  },
  async run({ values, io }) {
    const tokens = readInteger(values.tokens, "--tokens", { min: 3, max: 256 })!;
    const length = readInteger(values["prefix-length"], "--prefix-length", { min: 0, max: 256 })!;
    const rounds = readInteger(values.rounds, "--rounds", { min: 2, max: 100_000 })!;
    const bundle = await bundleEntry("overhead.ts");
    const served = await serveBase(values.base, (base) => startDirect(base, { bundle }));
    try {
      await putTask(served, TASK, length);
      await measure(served, { task: TASK, tokens, rounds: WARM_UP_ROUNDS });
      const { shape, timings, request, run } = await measure(served, {
        task: TASK,
        tokens,
        rounds,
      });
      const overhead = differenceSpread(request, run);
      const allowed = allowedMs(median(run));
      const ok = overhead.median <= allowed;
      const result = {
        bench: "overhead",
        base: served.base.name,
        shape,
        prefix_length: length,
        rounds,
        request_ms: median(request),
        run_ms: median(run),
        overhead_ms: overhead,
        ratio: ratioSpread(request, run),
        parts_ms: meanParts(timings),
        allowed_ms: allowed,
        ok,
      };
      if (io.json) io.out(JSON.stringify(result));
      else {
        const ms = (value: number): string => value.toFixed(2);
        io.out(
          table([
            [`${shape.join("x")}, P ${length}`, "request ms", "run ms", "overhead ms", "ratio"],
            [
              served.base.name,
              ms(result.request_ms),
              ms(result.run_ms),
              `${ms(overhead.median)} (${ms(overhead.low)} .. ${ms(overhead.high)})`,
              result.ratio.median.toFixed(3),
            ],
          ]),
        );
        const parts = Object.entries(result.parts_ms).map(([part, mean]) => `${part} ${ms(mean)}`);
        io.out(`means of the request's own parts: ${parts.join(", ")} ms`);
        io.out(`${ok ? "ok" : "FAILED"}: overhead at <= ${ms(allowed)} ms`);
      }
      return ok ? 0 : 1;
    } finally {
      await served.stop();
      await bundle.remove();
    }
  },
});

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
