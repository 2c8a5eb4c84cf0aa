/**
 * What does mixing tasks cost? Batches of equal size in bare workerd, from rows to logits: all rows
 * of one task, against rows that take turns over several tasks with prefixes and heads of their own.
 * By each of our engines, and beside them the graph that transformers.js runs, which knows no tasks.
 * With --changes, two of three tasks also change the encoder: its biases, or its linears by
 * LoRA of rank 8; that batch is held against prefixes alone, and its answers against each row alone.
 */
import { UsageError, defineCommand, readInteger } from "../scripts/cli/command.ts";
import { readBaseFolder } from "../scripts/base/base-folder.ts";
import { ENGINE_OPTION, enginesOf, readEngine } from "./engines.ts";
import { median, medianRatio, table } from "./stats.ts";
import type { Change } from "./workerd/protocol.ts";
import { rowsOf } from "./workerd/subjects.ts";
import { statesOfRow } from "../src/core/model/rows.ts";
import type { Base } from "../src/encoder/base.ts";
import { loadEncoder } from "../scripts/base/open-base.ts";
import { startBenchWorker } from "./workerd/client.ts";

const LABELS = 8;
const LEAST_SHARE = 0.95;
const LEAST_CHANGED_SHARE = 0.9;
const NO_CHANGES: readonly Change[] = ["none"];
const CHANGES: readonly Change[] = ["none", "deltas", "lora"];

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
    changes: {
      type: "boolean",
      hint: "tasks with prefixes, deltas and LoRA beside prefixes alone",
    },
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
    // An 8-bit graph takes LoRA only where it was imported so.
    const isChanged = values.changes === true;
    const engines = isChanged ? (["simd"] as const) : enginesOf(manifest);
    const leastShare = isChanged ? LEAST_CHANGED_SHARE : LEAST_SHARE;
    const worker = await startBenchWorker();
    try {
      for (const name of engines) await worker.loadBase(name, name, base);
      if (values.peer !== undefined) await worker.loadPeer("peer", values.peer);
      // Lengths from one to the longest: the shorter prefixes are padded where an engine pads.
      const spread = Array.from({ length: tasks }, (_, i) => Math.ceil(((i + 1) * length) / tasks));
      const lengths = Array.from({ length: tasks }, () => length);
      const alike = { batch: `${tasks} tasks`, lengths, changes: NO_CHANGES };
      const kinds = isChanged
        ? [
            alike,
            {
              ...alike,
              batch: `${tasks} tasks, two of three with deltas or LoRA`,
              changes: CHANGES,
            },
          ]
        : [
            { batch: "1 task", lengths: [length], changes: NO_CHANGES },
            alike,
            {
              batch: `${tasks} tasks, prefixes of ${spread[0]} to ${length}`,
              lengths: spread,
              changes: NO_CHANGES,
            },
          ];
      const { times } = await worker.time({
        subjects: [...engines, ...(values.peer === undefined ? [] : ["peer"])],
        cases: kinds.map(({ lengths, changes }) => ({
          changes,
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
            to_onnxruntime: onnxruntime ? medianRatio(own, onnxruntime) : null,
            to_peer: peer ? medianRatio(own, peer) : null,
          };
        });
      const results = Object.fromEntries(engines.map((name) => [name, resultsOf(name)]));
      const isQuick = engines.every((name) => results[name]![1]!.throughput_share >= leastShare);
      const hasSameBits = isChanged ? await answersAlike(base, { rows, tokens, lengths }) : true;
      const ok = isQuick && hasSameBits;
      if (io.json) {
        const what = { bench: "mixed", base: manifest.name, engine, rows, tasks, tokens, rounds };
        const all = { results: results[engine], engines: results };
        io.out(
          JSON.stringify({
            ...what,
            prefix_length: length,
            ok,
            has_same_bits: hasSameBits,
            ...all,
          }),
        );
      } else {
        const lines = engines.flatMap((name) =>
          results[name]!.map((row) => [
            `${name}, ${row.batch}`,
            row.ms.toFixed(1),
            row.rows_per_s.toFixed(0),
            row.throughput_share.toFixed(3),
            row.to_onnxruntime?.toFixed(2) ?? "",
            row.to_peer?.toFixed(2) ?? "",
          ]),
        );
        const head = ["ms", "rows/s", "share", "to onnxruntime", "to peer"];
        io.out(table([[`${rows} rows of ${tokens} tokens`, ...head], ...lines]));
        const what = isChanged ? "with changes at" : "at";
        const than = isChanged ? "prefixes alone" : "one";
        io.out(`${isQuick ? "ok" : "FAILED"}: ${tasks} tasks ${what} >= ${leastShare} of ${than}`);
        if (isChanged)
          io.out(`${hasSameBits ? "ok" : "FAILED"}: each row has the bits that it has alone`);
      }
      return ok ? 0 : 1;
    } finally {
      await worker.stop();
    }
  },
});

/** Whether each row of the changed batch has the states that it has alone, bit for bit. */
async function answersAlike(
  base: Base,
  batch: { readonly rows: number; readonly tokens: number; readonly lengths: readonly number[] },
): Promise<boolean> {
  const { rows, tokens, lengths: prefixLengths } = batch;
  const asked = {
    rows,
    tokens,
    prefixLengths,
    changes: CHANGES,
    queries: "all",
    labels: 1,
  } as const;
  const all = rowsOf(asked, base.manifest.configuration).map(({ row }) => row);
  const encoder = await loadEncoder(base, "simd");
  const together = await encoder.encode(all, "all");
  let isAlike = true;
  for (const [b, row] of all.entries()) {
    const alone = await encoder.encode([row], "all");
    const own = statesOfRow(together, b, row.ids.length);
    isAlike &&= own.every((value, i) => value === alone.values[i]);
  }
  await encoder.release();
  return isAlike;
}
