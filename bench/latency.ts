/**
 * Latency in workerd: a base with a prefix by each of our engines, against the graph that
 * transformers.js runs for the same checkpoint; all in one isolate, measured in turn.
 */
import { defineCommand, readChoice, readInteger, required } from "../scripts/cli/command.ts";
import { readBaseFolder } from "../scripts/base/base-folder.ts";
import { ENGINE_OPTION, enginesOf, readEngine } from "./engines.ts";
import { median, medianRatio, table } from "./stats.ts";
import { startBenchWorker } from "./workerd/client.ts";

const LENGTHS = [16, 64, 128, 256];
const QUERIES = ["first", "all"] as const;

export const bench = defineCommand({
  summary: "milliseconds in workerd at 1x16 .. 1x256, against transformers.js' graph",
  usage:
    "--base DIR --peer DIR|FILE [--engine E] [--rounds N] [--prefix-length P] [--queries first|all]",
  example: "npx edge-prefix bench latency --base models/minilm --peer onnx/model_quantized.onnx",
  options: {
    base: { type: "string", value: "DIR", hint: "base folder, int8" },
    peer: {
      type: "string",
      value: "DIR|FILE",
      hint: "the peer's ONNX file (weights inside), or the folder of its checkpoint",
    },
    ...ENGINE_OPTION,
    rounds: { type: "string", value: "N", default: "30", hint: "measured rounds per length" },
    "prefix-length": {
      type: "string",
      value: "P",
      default: "16",
      hint: "virtual tokens of our prefix",
    },
    queries: {
      type: "string",
      value: QUERIES.join("|"),
      default: "first",
      hint: "first: [CLS] task; all: token or mean",
    },
  },
  async run({ values, io }) {
    const rounds = readInteger(values.rounds, "--rounds", { min: 1 })!;
    const prefixLength = readInteger(values["prefix-length"], "--prefix-length", { min: 0 })!;
    const queries = readChoice(values.queries, "--queries", QUERIES)!;
    const base = await readBaseFolder(required(values.base, "--base"));
    const engine = readEngine(values.engine, base.manifest);
    const peer = required(values.peer, "--peer");
    const engines = enginesOf(base.manifest);

    const worker = await startBenchWorker();
    try {
      for (const name of engines) await worker.loadBase(name, name, base);
      await worker.loadPeer("peer", peer);
      const { times } = await worker.time({
        subjects: [...engines, "peer"],
        cases: LENGTHS.map((tokens) => ({
          rows: 1,
          tokens,
          queries,
          prefixLengths: [prefixLength],
          labels: 0,
        })),
        rounds,
      });
      const results = LENGTHS.map((tokens, i) => {
        const of = times[i]!;
        const theirs = of["peer"]!;
        const our = Object.fromEntries(
          engines.map((name) => [
            name,
            {
              ms: median(of[name]!),
              ratio: medianRatio(of[name]!, theirs),
              best_ratio: Math.min(...of[name]!) / Math.min(...theirs),
            },
          ]),
        );
        const { ms, ratio } = our[engine]!;
        return {
          tokens,
          ours_ms: ms,
          peer_ms: median(theirs),
          ratio,
          engines: our,
          simd_to_onnxruntime: of["simd"] ? medianRatio(of["simd"], of["onnxruntime"]!) : null,
        };
      });
      if (io.json) {
        const about = { base: base.manifest.name, engine, prefixLength, queries, rounds };
        io.out(JSON.stringify({ bench: "latency", ...about, results }));
      } else {
        const rows = results.map((row) => [
          `1x${row.tokens}`,
          ...engines.map((name) => row.engines[name]!.ms.toFixed(1)),
          row.peer_ms.toFixed(1),
          ...engines.map((name) => row.engines[name]!.ratio.toFixed(2)),
          row.simd_to_onnxruntime?.toFixed(2) ?? "",
        ]);
        const head = ["ms", ...engines, "peer", ...engines.map((name) => `${name}/peer`)];
        io.out(table([[...head, "simd/onnxruntime"], ...rows]));
      }
      return 0;
    } finally {
      await worker.stop();
    }
  },
});
