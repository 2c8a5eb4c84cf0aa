/**
 * What does it cost to serve a task that reads all positions (mean pooling, tags) instead of the
 * first (`cls`, `pooler`)? For one query the last layer computes a single position: bare workerd, in turn.
 */
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import { readBaseFolder } from "../scripts/base/base-folder.ts";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import { provenance } from "./provenance.ts";
import { median, medianRatio, table } from "./stats.ts";
import { startBenchWorker } from "./workerd/client.ts";

const LENGTHS = [16, 64, 128, 256];
/** First runs are slow until V8 has compiled the wasm for speed. */
const WARM_UP_ROUNDS = 12;

export const bench = defineCommand({
  summary: "milliseconds in workerd of mean pooling against the first token, 1x16 .. 1x256",
  usage: "[--base DIR] [--rounds N] [--prefix-length P]",
  example: "npx edge-prefix bench pooling --base models/pocket",
  options: {
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "base folder" },
    rounds: { type: "string", value: "N", default: "30", hint: "measured rounds per length" },
    "prefix-length": { type: "string", value: "P", default: "16", hint: "virtual tokens" },
  },
  async run({ values, io }) {
    const rounds = readInteger(values.rounds, "--rounds", { min: 1 })!;
    const prefixLength = readInteger(values["prefix-length"], "--prefix-length", { min: 1 })!;
    const { manifest, graphFiles } = await readBaseFolder(values.base);
    const worker = await startBenchWorker();
    try {
      for (const name of ["first", "all"]) await worker.load(name, graphFiles);
      const cases = LENGTHS.map((tokens) => ({ batch: 1, tokens }));
      const shape = { shape: manifest.configuration, prefixLength };
      const sessions = {
        first: { ...shape, queries: "first" },
        all: { ...shape, queries: "all" },
      } as const;
      await worker.run({ cases, rounds: WARM_UP_ROUNDS, sessions });
      const { times } = await worker.run({ cases, rounds, sessions });
      const results = LENGTHS.map((tokens, i) => {
        const { first, all } = times[i] as { first: number[]; all: number[] };
        return {
          tokens,
          first_ms: median(first),
          mean_ms: median(all),
          ratio: medianRatio(all, first),
        };
      });
      if (io.json) {
        const about = { base: manifest.name, num_virtual_tokens: prefixLength, rounds };
        io.out(JSON.stringify({ bench: "pooling", ...(await provenance()), ...about, results }));
      } else {
        const rows = results.map(({ tokens, first_ms, mean_ms, ratio }) => [
          `1x${tokens}`,
          first_ms.toFixed(1),
          mean_ms.toFixed(1),
          ratio.toFixed(2),
        ]);
        io.out(table([["shape", "first token ms", "mean ms", "mean / first"], ...rows]));
      }
      return 0;
    } finally {
      await worker.stop();
    }
  },
});
