/**
 * The wasm memory after loading a base, and after a run of 1x512: by each of our engines, and of the
 * graph that transformers.js runs. Each in a fresh workerd, since the memory never shrinks.
 */
import { maxLengthOf } from "../src/core/format/configuration.ts";
import { defineCommand, required } from "../scripts/cli/command.ts";
import { readBaseFolder } from "../scripts/base/base-folder.ts";
import { ENGINE_OPTION, enginesOf, readEngine } from "./engines.ts";
import { table } from "./stats.ts";
import { startBenchWorker } from "./workerd/client.ts";
import type { BenchWorker } from "./workerd/client.ts";
import type { CreateReply } from "./workerd/protocol.ts";

const PREFIX_LENGTH = 16;

export const bench = defineCommand({
  summary: "wasm memory in workerd after load and after one text of 512 tokens",
  usage: "--base DIR [--peer DIR|FILE] [--engine E]",
  example: "npx edge-prefix bench memory --base models/pocket",
  options: {
    base: { type: "string", value: "DIR", hint: "base folder" },
    peer: { type: "string", value: "DIR|FILE", hint: "as for `bench latency`" },
    ...ENGINE_OPTION,
  },
  async run({ values, io }) {
    const base = await readBaseFolder(required(values.base, "--base"));
    const { manifest } = base;
    const engine = readEngine(values.engine, manifest);
    const tokens = Math.min(512, maxLengthOf(manifest.configuration));
    const measure = async (
      name: string,
      load: (worker: BenchWorker, subject: string) => Promise<CreateReply>,
    ) => {
      const worker = await startBenchWorker();
      try {
        const { memoryBytes: loaded } = await load(worker, name);
        const batch = { rows: 1, tokens, queries: "all", prefixLengths: [PREFIX_LENGTH] } as const;
        const { memoryBytes } = await worker.run({
          subjects: [name],
          cases: [{ ...batch, labels: 0 }],
          rounds: 2,
        });
        return { name, loaded, after_1x512: memoryBytes[name]! };
      } finally {
        await worker.stop();
      }
    };
    const results = [];
    for (const name of enginesOf(manifest)) {
      results.push(await measure(name, (worker, own) => worker.loadBase(own, name, base)));
    }
    const { peer } = values;
    if (peer !== undefined) {
      results.push(await measure("peer", (worker, own) => worker.loadPeer(own, peer)));
    }
    if (io.json) {
      const { loaded, after_1x512 } = results.find(({ name }) => name === engine)!;
      const about = { bench: "memory", base: manifest.name, engine };
      io.out(JSON.stringify({ ...about, loaded, after_1x512, results }));
    } else {
      const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
      const rows = results.map((row) => [row.name, mb(row.loaded), mb(row.after_1x512)]);
      io.out(table([[manifest.name, "after load", "after 1x512"], ...rows]));
    }
    return 0;
  },
});
