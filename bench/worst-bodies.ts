/**
 * What request bodies of the largest allowed size cost beyond parsing them: lists of wrong items,
 * hundreds of thousands of fields, numbers of a million digits. Whatever is sent, the rest must be
 * small: in an isolate every other request waits meanwhile.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { SETTINGS } from "../src/http/settings/config.ts";
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import { startProgress } from "../scripts/cli/progress.ts";
import { table } from "./stats.ts";
import { WORST_BODIES } from "./worst-bodies/bodies.ts";
import type { BodyCost } from "./worst-bodies/measure.ts";

/** What a body may cost over JSON.parse, whatever is in it. */
const MOST = { ms: 50, bytes: 10_000_000 } as const;

/** So much may be allocated before anything is collected, in MiB. */
const YOUNG_MIB = 1024;

export const bench = defineCommand({
  summary: "what the worst request bodies cost beyond parsing them",
  usage: "[--bytes N] [--rounds N]",
  example: "npx edge-prefix bench worst-bodies",
  options: {
    bytes: {
      type: "string",
      value: "N",
      default: String(SETTINGS.maxBodyBytes.default),
      hint: "size of each body",
    },
    rounds: { type: "string", value: "N", default: "5", hint: "of which the median counts" },
  },
  async run({ values, io }) {
    const bytes = readInteger(values.bytes, "--bytes", { min: 1_000, max: 50_000_000 })!;
    const rounds = readInteger(values.rounds, "--rounds", { min: 1, max: 100 })!;
    const bar = startProgress(io, { label: "bodies", total: WORST_BODIES.length });
    const results: (ReturnType<typeof overParsing> & BodyCost)[] = [];
    for await (const cost of measureAll(bytes, rounds)) {
      results.push({ ...cost, ...overParsing(cost) });
      bar.update(results.length);
    }
    bar.stop();
    const ok = results.length === WORST_BODIES.length && results.every((result) => result.ok);
    if (io.json) io.out(JSON.stringify({ bench: "worst-bodies", bytes, rounds, results, ok }));
    else {
      const rows = results
        .toSorted((a, b) => b.over_ms - a.over_ms)
        .map((result) => [
          result.name,
          String(result.status),
          result.parse.ms.toFixed(1),
          result.over_ms.toFixed(1),
          (result.parse.bytes / 1e6).toFixed(1),
          (result.over_bytes / 1e6).toFixed(1),
          result.ok ? "" : "TOO MUCH",
        ]);
      const head = ["body", "status", "parse ms", "over it ms", "parse MB", "over it MB", ""];
      io.out(table([head, ...rows]));
      io.out(
        `${ok ? "ok" : "FAILED"}: allowed are ${MOST.ms} ms and ${MOST.bytes / 1e6} MB over JSON.parse; CPU time, medians of ${rounds}`,
      );
    }
    return ok ? 0 : 1;
  },
});

function overParsing({ parse, whole }: BodyCost) {
  const over_ms = whole.ms - parse.ms;
  const over_bytes = whole.bytes - parse.bytes;
  return { over_ms, over_bytes, ok: over_ms <= MOST.ms && over_bytes <= MOST.bytes };
}

/** One process for all bodies, with a line of JSON for each. */
async function* measureAll(bytes: number, rounds: number): AsyncGenerator<BodyCost> {
  const script = new URL("./worst-bodies/measure.ts", import.meta.url).pathname;
  const flags = ["--no-warnings", "--expose-gc", `--max-semi-space-size=${YOUNG_MIB}`];
  const young = [`--min-semi-space-size=${YOUNG_MIB}`];
  const child = spawn(
    process.execPath,
    [...flags, ...young, script, String(bytes), String(rounds)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise<number>((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
  for await (const line of createInterface({ input: child.stdout })) {
    yield JSON.parse(line) as BodyCost;
  }
  const code = await ended;
  if (code !== 0) throw new Error(`worst-bodies: its process ended with ${code}`);
}
