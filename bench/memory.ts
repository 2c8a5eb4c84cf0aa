/** The wasm heap of a fresh workerd: after loading a base, and after a run of 1x512. */
import { maxLengthOf } from "../src/core/format/configuration.ts";
import type { Command } from "../scripts/cli/command.ts";
import { readBaseFolder } from "../scripts/base/base-folder.ts";
import { table } from "./stats.ts";
import { startBenchWorker } from "./workerd/client.ts";

const PREFIX_LENGTH = 16;

export const bench: Command = {
  summary: "wasm heap in workerd after load and after one text of 512 tokens",
  usage: "--base DIR",
  example: "npx edge-prefix bench memory --base models/pocket",
  options: { base: { type: "string", hint: "base folder" } },
  async run({ values, io }) {
    const { manifest, graphFiles } = await readBaseFolder(String(values["base"]));
    const worker = await startBenchWorker();
    try {
      const { heapBytes: loaded } = await worker.load("ours", graphFiles);
      const { heapBytes } = await worker.run({
        cases: [{ batch: 1, tokens: Math.min(512, maxLengthOf(manifest.configuration)) }],
        rounds: 2,
        sessions: {
          ours: { shape: manifest.configuration, prefixLength: PREFIX_LENGTH, queries: "all" },
        },
      });
      if (io.json) {
        const result = { bench: "memory", base: manifest.name, loaded, after_1x512: heapBytes };
        io.out(JSON.stringify(result));
      } else {
        const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
        io.out(
          table([
            ["base", "after load", "after 1x512"],
            [manifest.name, mb(loaded), mb(heapBytes)],
          ]),
        );
      }
      return 0;
    } finally {
      await worker.stop();
    }
  },
};
