/**
 * What does it cost to serve a task that reads all positions (mean pooling, tags) instead of the
 * first (`cls`, `pooler`)? For one query the last layer computes a single position: bare workerd, in turn.
 */
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import { readBaseFolder } from "../scripts/base/base-folder.ts";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import { ENGINE_OPTION, readEngine } from "./engines.ts";
import { provenance } from "./provenance.ts";
import { median, medianRatio, table } from "./stats.ts";
import { startBenchWorker } from "./workerd/client.ts";

const LENGTHS = [16, 64, 128, 256];

export const bench = defineCommand({
  summary: "milliseconds in workerd of mean pooling against the first token, 1x16 .. 1x256",
  usage: "[--base DIR] [--engine E] [--rounds N] [--prefix-length P]",
  example: "npx edge-prefix bench pooling --base models/pocket",
  options: {
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "base folder" },
    ...ENGINE_OPTION,
    rounds: { type: "string", value: "N", default: "30", hint: "measured rounds per length" },
    "prefix-length": { type: "string", value: "P", default: "16", hint: "virtual tokens" },
  },
  async run({ values, io }) {
    const rounds = readInteger(values.rounds, "--rounds", { min: 1 })!;
    const prefixLength = readInteger(values["prefix-length"], "--prefix-length", { min: 1 })!;
    const base = await readBaseFolder(values.base);
    const engine = readEngine(values.engine, base.manifest);
    const worker = await startBenchWorker();
    try {
      await worker.loadBase("base", engine, base);
      const { times } = await worker.time({
        subjects: ["base"],
        cases: LENGTHS.flatMap((tokens) =>
          (["first", "all"] as const).map((queries) => ({
            rows: 1,
            tokens,
            queries,
            prefixLengths: [prefixLength],
            labels: 0,
          })),
        ),
        rounds,
      });
      const results = LENGTHS.map((tokens, i) => {
        const [first, all] = [times[2 * i]!["base"]!, times[2 * i + 1]!["base"]!];
        return {
          tokens,
          first_ms: median(first),
          mean_ms: median(all),
          ratio: medianRatio(all, first),
        };
      });
      if (io.json) {
        const about = {
          base: base.manifest.name,
          engine,
          num_virtual_tokens: prefixLength,
          rounds,
        };
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
