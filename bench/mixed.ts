/**
 * What does mixing tasks cost? Batches of equal size in bare workerd, from rows to logits: all rows
 * of one task, against rows that take turns over several tasks with prefixes and heads of their own.
 */
import { UsageError, defineCommand, readInteger } from "../scripts/cli/command.ts";
import { readBaseFolder } from "../scripts/base/base-folder.ts";
import { median, medianRatio, table } from "./stats.ts";
import { startBenchWorker } from "./workerd/client.ts";

/** First runs are slow until V8 has compiled the wasm for speed. */
const WARM_UP_ROUNDS = 8;
const LABELS = 8;
const LEAST_SHARE = 0.95;

export const bench = defineCommand({
  summary: "throughput of a batch of many tasks against a batch of one, in workerd",
  usage: "--base DIR [--rows N] [--tasks N] [--tokens T] [--prefix-length P] [--rounds N]",
  example: "npx edge-prefix bench mixed --base models/pocket",
  options: {
    base: { type: "string", value: "DIR", hint: "base folder" },
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
    const { manifest, graphFiles } = await readBaseFolder(values.base);
    const worker = await startBenchWorker();
    try {
      await worker.load("base", graphFiles);
      // Lengths from one to the longest: the shorter prefixes are padded.
      const spread = Array.from({ length: tasks }, (_, i) => Math.ceil(((i + 1) * length) / tasks));
      const kinds = [
        { name: "1 task", lengths: [length] },
        { name: `${tasks} tasks`, lengths: Array.from({ length: tasks }, () => length) },
        { name: `${tasks} tasks, prefixes of ${spread[0]} to ${length}`, lengths: spread },
      ];
      const request = {
        session: "base",
        shape: manifest.configuration,
        rows,
        tokens,
        labels: LABELS,
        queries: "all",
        batches: kinds.map(({ lengths }) => lengths),
      } as const;
      await worker.runMixed({ ...request, rounds: WARM_UP_ROUNDS });
      const { times } = await worker.runMixed({ ...request, rounds });
      const results = kinds.map(({ name }, k) => ({
        batch: name,
        ms: median(times[k]!),
        rows_per_s: (1000 * rows) / median(times[k]!),
        throughput_share: medianRatio(times[0]!, times[k]!),
      }));
      const ok = results[1]!.throughput_share >= LEAST_SHARE;
      if (io.json) {
        const what = { bench: "mixed", base: manifest.name, rows, tasks, tokens, rounds };
        io.out(JSON.stringify({ ...what, prefix_length: length, ok, results }));
      } else {
        const lines = results.map((row) => [
          row.batch,
          row.ms.toFixed(1),
          row.rows_per_s.toFixed(0),
          row.throughput_share.toFixed(3),
        ]);
        io.out(table([[`${rows} rows of ${tokens} tokens`, "ms", "rows/s", "share"], ...lines]));
        io.out(`${ok ? "ok" : "FAILED"}: ${tasks} tasks at >= ${LEAST_SHARE} of one`);
      }
      return ok ? 0 : 1;
    } finally {
      await worker.stop();
    }
  },
});
