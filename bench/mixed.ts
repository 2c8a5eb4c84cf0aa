/**
 * What does mixing tasks cost? Batches of equal size in bare workerd, from rows to logits: all rows
 * of one task, against rows that take turns over several tasks with prefixes and heads of their own.
 * By each of our engines, and beside them the graph that transformers.js runs, which knows no tasks.
 */
import { UsageError, defineCommand, readInteger } from "../scripts/cli/command.ts";
import { readBaseFolder } from "../scripts/base/base-folder.ts";
import { ENGINE_OPTION, enginesOf, readEngine } from "./engines.ts";
import { median, medianRatio, table } from "./stats.ts";
import { startBenchWorker } from "./workerd/client.ts";

const LABELS = 8;
const LEAST_SHARE = 0.95;

export const bench = defineCommand({
  summary: "throughput of a batch of many tasks against a batch of one, in workerd",
  usage:
    "--base DIR [--peer DIR|FILE] [--engine E] [--rows N] [--tasks N] [--tokens T] [--prefix-length P] [--rounds N]",
  example: "npx edge-prefix bench mixed --base models/pocket",
  options: {
    base: { type: "string", value: "DIR", hint: "base folder" },
    peer: { type: "string", value: "DIR|FILE", hint: "as for `bench latency`" },
    ...ENGINE_OPTION,
    rows: { type: "string", value: "N", default: "16", hint: "rows of a batch" },
    tasks: { type: "string", value: "N", default: "8", hint: "tasks in the mixed batch" },
    tokens: { type: "string", value: "T", default: "32", hint: "tokens of a row" },
    "prefix-length": { type: "string", value: "P", default: "16", hint: "virtual tokens" },
    rounds: { type: "string", value: "N", default: "30", hint: "measured rounds" },
  },
  async run({ values, io }) {
    if (values.base === undefined) throw new UsageError("bench mixed: expected --base DIR");
    const [rows, tasks, tokens, length, rounds] = (
      ["rows", "tasks", "tokens", "prefix-length", "rounds"] as const
    ).map((name) => readInteger(values[name], `--${name}`, { min: 1 })!) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const base = await readBaseFolder(values.base);
    const { manifest } = base;
    const engine = readEngine(values.engine, manifest);
    const engines = enginesOf(manifest);
    const worker = await startBenchWorker();
    try {
      for (const name of engines) await worker.loadBase(name, name, base);
      if (values.peer !== undefined) await worker.loadPeer("peer", values.peer);
      // Lengths from one to the longest: the shorter prefixes are padded where an engine pads.
      const spread = Array.from({ length: tasks }, (_, i) => Math.ceil(((i + 1) * length) / tasks));
      const kinds = [
        { batch: "1 task", lengths: [length] },
        { batch: `${tasks} tasks`, lengths: Array.from({ length: tasks }, () => length) },
        { batch: `${tasks} tasks, prefixes of ${spread[0]} to ${length}`, lengths: spread },
      ];
      const { times } = await worker.time({
        subjects: [...engines, ...(values.peer === undefined ? [] : ["peer"])],
        cases: kinds.map(({ lengths }) => ({
          rows,
          tokens,
          queries: "all",
          prefixLengths: lengths,
          labels: LABELS,
        })),
        rounds,
      });
      const resultsOf = (name: string) =>
        kinds.map(({ batch }, k) => {
          const own = times[k]![name]!;
          const { onnxruntime, peer } = times[k]!;
          return {
            batch,
            ms: median(own),
            rows_per_s: (1000 * rows) / median(own),
            throughput_share: medianRatio(times[0]![name]!, own),
            to_onnxruntime: medianRatio(own, onnxruntime!),
            to_peer: peer ? medianRatio(own, peer) : null,
          };
        });
      const results = Object.fromEntries(engines.map((name) => [name, resultsOf(name)]));
      const ok = engines.every((name) => results[name]![1]!.throughput_share >= LEAST_SHARE);
      if (io.json) {
        const what = { bench: "mixed", base: manifest.name, engine, rows, tasks, tokens, rounds };
        const all = { results: results[engine], engines: results };
        io.out(JSON.stringify({ ...what, prefix_length: length, ok, ...all }));
      } else {
        const lines = engines.flatMap((name) =>
          results[name]!.map((row) => [
            `${name}, ${row.batch}`,
            row.ms.toFixed(1),
            row.rows_per_s.toFixed(0),
            row.throughput_share.toFixed(3),
            row.to_onnxruntime.toFixed(2),
            row.to_peer?.toFixed(2) ?? "",
          ]),
        );
        const head = ["ms", "rows/s", "share", "to onnxruntime", "to peer"];
        io.out(table([[`${rows} rows of ${tokens} tokens`, ...head], ...lines]));
        io.out(`${ok ? "ok" : "FAILED"}: ${tasks} tasks at >= ${LEAST_SHARE} of one`);
      }
      return ok ? 0 : 1;
    } finally {
      await worker.stop();
    }
  },
});
