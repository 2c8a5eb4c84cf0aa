/**
 * Latency of every family in workerd: our own kernels against the graph that transformers.js would run
 * for the same checkpoint of random weights, exported and quantized as its own scripts do it. Both in
 * one isolate, measured in turn.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCheckpoint } from "../scripts/base/checkpoint.ts";
import { importCheckpoint } from "../scripts/base/convert.ts";
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import { createNodeSession } from "../scripts/node/runtime-node.ts";
import { checkpointIn, peerIn, preparePeers } from "./latency/peers.ts";
import { FAMILY_SHAPES } from "./latency/shapes.ts";
import type { Shape } from "./memory/shapes.ts";
import { median, ratioSpread, table } from "./stats.ts";
import { readList } from "./training/settings.ts";
import { startBenchWorker } from "./workerd/client.ts";

const PREFIX_LENGTH = 16;
/** The share of the peer's time that is asked. */
const MOST = 0.6;
const NAMES = FAMILY_SHAPES.map(({ name }) => name);

export const bench = defineCommand({
  summary: "milliseconds of every family in workerd, against transformers.js' graph of its shape",
  usage: "[--python PATH] [--folder DIR] [--families NAME,..] [--rounds N] [--tokens N]",
  example: "npx edge-prefix bench families --python venv/bin/python --folder families",
  options: {
    python: {
      type: "string",
      value: "PATH",
      hint: "interpreter that makes the peers' graphs: torch, transformers 5, onnx, onnxscript, onnxruntime",
    },
    folder: {
      type: "string",
      value: "DIR",
      hint: "keeps checkpoints and graphs for the next time (default: thrown away)",
    },
    families: { type: "string", value: "NAMES", hint: `some of ${NAMES.join(", ")}` },
    rounds: { type: "string", value: "N", default: "20", hint: "measured rounds" },
    tokens: { type: "string", value: "N", default: "128", hint: "tokens of the text" },
    seed: { type: "string", value: "N", default: "1", hint: "decides the random weights" },
  },
  async run({ values, io }) {
    const rounds = readInteger(values.rounds, "--rounds", { min: 1 })!;
    const tokens = readInteger(values.tokens, "--tokens", { min: 1, max: 512 })!;
    const seed = readInteger(values.seed, "--seed", { min: 0 })!;
    const names = readList(values.families, "--families", NAMES) ?? NAMES;
    const shapes = names.map((name) => FAMILY_SHAPES.find((shape) => shape.name === name)!);
    const folder = values.folder ?? (await mkdtemp(join(tmpdir(), "edge-prefix-families-")));
    try {
      io.err("writing checkpoints, and the graphs of their peers");
      await preparePeers(folder, shapes, { seed, python: values.python });
      const results = [];
      for (const shape of shapes) {
        io.err(`${shape.name}: importing and timing`);
        results.push(await timeFamily(folder, shape, rounds, tokens));
      }
      const ok = results.every(({ ratio }) => ratio <= MOST);
      if (io.json) {
        const about = { bench: "families", tokens, rounds, prefixLength: PREFIX_LENGTH, seed };
        io.out(JSON.stringify({ ...about, allowed: MOST, results, ok }));
      } else {
        const rows = results.map(({ name, ours_ms: ours, peer_ms: peer, ratio, low, high }) => [
          name,
          ours.toFixed(1),
          peer.toFixed(1),
          ratio.toFixed(2),
          `${low.toFixed(2)} to ${high.toFixed(2)}`,
        ]);
        io.out(table([[`1x${tokens}, ms`, "simd", "peer", "simd/peer", "quartiles"], ...rows]));
      }
      return ok ? 0 : 1;
    } finally {
      if (values.folder === undefined) await rm(folder, { recursive: true, force: true });
    }
  },
});

/** One text with a prefix by us, without one by the peer, which knows none. */
async function timeFamily(folder: string, shape: Shape, rounds: number, tokens: number) {
  const checkpoint = await readCheckpoint(checkpointIn(folder, shape), shape.name);
  const base = await importCheckpoint(checkpoint, {
    name: shape.name,
    created: new Date(),
    dtype: "int8",
    openSession: createNodeSession,
  });
  const worker = await startBenchWorker();
  try {
    await worker.loadBase("simd", "simd", base);
    await worker.loadPeer("peer", peerIn(folder, shape));
    const prefixLengths = [PREFIX_LENGTH];
    const { times } = await worker.time({
      subjects: ["simd", "peer"],
      cases: [{ rows: 1, tokens, queries: "first", prefixLengths, labels: 0 }],
      rounds,
    });
    const { simd, peer } = times[0] as { simd: number[]; peer: number[] };
    const { median: ratio, low, high } = ratioSpread(simd, peer);
    return { name: shape.name, ours_ms: median(simd), peer_ms: median(peer), ratio, low, high };
  } finally {
    await worker.stop();
  }
}
