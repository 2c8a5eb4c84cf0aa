/**
 * Latency in workerd: the served int8 graph with a prefix against the graph that transformers.js
 * would run for the same checkpoint, both in one isolate, measured in turn.
 */
import { readFile } from "node:fs/promises";
import type { Command } from "../scripts/cli/command.ts";
import { readBaseFolder } from "../scripts/base/base-folder.ts";
import { peerFiles } from "./served/peer-files.ts";
import { median, medianRatio, table } from "./stats.ts";
import { startBenchWorker } from "./workerd/client.ts";

const LENGTHS = [16, 64, 128, 256];
/** First runs are slow until V8 has compiled the wasm for speed. */
const WARM_UP_ROUNDS = 12;

export const bench: Command = {
  summary: "milliseconds in workerd at 1x16 .. 1x256, against transformers.js' graph",
  usage: "--base DIR --peer DIR|FILE [--rounds N] [--prefix-length P] [--queries first|all]",
  example: "npx edge-prefix bench latency --base models/minilm --peer onnx/model_quantized.onnx",
  options: {
    base: { type: "string", hint: "base folder, int8" },
    peer: {
      type: "string",
      hint: "the peer's ONNX file (weights inside), or the folder of its checkpoint",
    },
    rounds: { type: "string", default: "30", hint: "measured rounds per length" },
    "prefix-length": { type: "string", default: "16", hint: "virtual tokens of our prefix" },
    queries: { type: "string", default: "first", hint: "first: [CLS] task; all: token or mean" },
  },
  async run({ values, io }) {
    const rounds = Number(values["rounds"]);
    const prefixLength = Number(values["prefix-length"]);
    const queries = values["queries"] === "all" ? "all" : "first";
    const { manifest, graphFiles } = await readBaseFolder(String(values["base"]));
    const peer = {
      graph: new Uint8Array(await readFile((await peerFiles(String(values["peer"]))).graph)),
      weights: new Map<string, Uint8Array>(),
    };

    const worker = await startBenchWorker();
    try {
      const loads = {
        ours: await worker.load("ours", graphFiles),
        peer: await worker.load("peer", peer),
      };
      io.err(`loaded: ours ${loads.ours.ms.toFixed(0)} ms, peer ${loads.peer.ms.toFixed(0)} ms`);
      const cases = LENGTHS.map((tokens) => ({ batch: 1, tokens }));
      const sessions = {
        ours: { shape: manifest.configuration, prefixLength, queries },
        peer: {},
      } as const;
      await worker.run({ cases, rounds: WARM_UP_ROUNDS, sessions });
      const { times } = await worker.run({ cases, rounds, sessions });
      const results = LENGTHS.map((tokens, i) => {
        const ours = times[i]!["ours"]!;
        const theirs = times[i]!["peer"]!;
        return {
          tokens,
          ours_ms: median(ours),
          peer_ms: median(theirs),
          ratio: medianRatio(ours, theirs),
        };
      });
      if (io.json) {
        io.out(
          JSON.stringify({
            bench: "latency",
            base: manifest.name,
            prefixLength,
            queries,
            rounds,
            results,
          }),
        );
      } else {
        const rows = results.map((row) => [
          `1x${row.tokens}`,
          row.ours_ms.toFixed(1),
          row.peer_ms.toFixed(1),
          row.ratio.toFixed(2),
        ]);
        io.out(table([["shape", "ours ms", "peer ms", "ratio"], ...rows]));
      }
      return 0;
    } finally {
      await worker.stop();
    }
  },
};
