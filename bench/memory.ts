/**
 * The wasm memory after loading a base, and after a run of 1x512: by each of our engines, and of the
 * graph that transformers.js runs. Each in a fresh workerd, since the memory never shrinks.
 *
 * With --shapes it is the memory gate: wasm, buffers and JavaScript of the whole Worker together, for
 * random bases in the shapes of well-known encoders.
 */
import { maxLengthOf } from "../src/core/format/configuration.ts";
import { defineCommand, readChoice, readInteger, required } from "../scripts/cli/command.ts";
import type { Io } from "../scripts/cli/command.ts";
import { readBaseFolder } from "../scripts/base/base-folder.ts";
import { ENGINE_OPTION, enginesOf, readEngine } from "./engines.ts";
import { SHAPES } from "./memory/shapes.ts";
import type { Shape } from "./memory/shapes.ts";
import { table } from "./stats.ts";
import { startBenchWorker } from "./workerd/client.ts";
import type { BenchWorker } from "./workerd/client.ts";
import type { CreateReply } from "./workerd/protocol.ts";

const PREFIX_LENGTH = 16;

export const bench = defineCommand({
  summary: "memory in workerd after load and after one text of 512 tokens",
  usage: "--base DIR [--peer DIR|FILE] [--engine E] | --shapes NAME,..|all [--seed N]",
  example:
    "npx edge-prefix bench memory --base models/pocket\nnpx edge-prefix bench memory --shapes all",
  options: {
    base: { type: "string", value: "DIR", hint: "base folder" },
    peer: { type: "string", value: "DIR|FILE", hint: "as for `bench latency`" },
    ...ENGINE_OPTION,
    shapes: {
      type: "string",
      value: "NAMES",
      hint: `random bases of these shapes, and what the whole Worker takes: ${SHAPES.map(({ name }) => name).join(", ")}, or all`,
    },
    seed: { type: "string", value: "N", default: "1", hint: "decides the random weights" },
  },
  async run({ values, io }) {
    if (values.shapes !== undefined) {
      const seed = readInteger(values.seed, "--seed", { min: 0 })!;
      return runShapes(readShapes(values.shapes), seed, io);
    }
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
      const rows = results.map((row) => [row.name, mb(row.loaded), mb(row.after_1x512)]);
      io.out(table([[manifest.name, "after load", "after 1x512"], ...rows]));
    }
    return 0;
  },
});

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** The shapes of a list of names. Throws UsageError. */
const readShapes = (names: string): readonly Shape[] =>
  names === "all"
    ? SHAPES
    : names.split(",").map((name) => {
        readChoice(
          name,
          "--shapes",
          SHAPES.map((shape) => shape.name),
        );
        return SHAPES.find((shape) => shape.name === name)!;
      });

async function runShapes(shapes: readonly Shape[], seed: number, io: Io): Promise<number> {
  const { measureShapes } = await import("./memory/of-shapes.ts");
  const results = await measureShapes(shapes, seed, (line) => io.err(line));
  const ok = results.every((result) => result.ok);
  if (io.json) io.out(JSON.stringify({ bench: "memory", engine: "simd", seed, results, ok }));
  else {
    const rows = results.map(
      ({ name, parameters, tables, loaded, after_1x512: after, ...rest }) => [
        name,
        `${(parameters / 1e6).toFixed(1)} M`,
        tables,
        mb(loaded.wasm),
        mb(loaded.live),
        mb(after.wasm),
        mb(after.live),
        mb(rest.peak),
        rest.allowed === null ? "" : mb(rest.allowed),
        rest.transient ? mb(rest.transient.load) : "",
        rest.transient ? mb(rest.transient.run) : "",
      ],
    );
    const head = ["shape", "parameters", "tables", "wasm, loaded", "live", "wasm, 1x512", "live"];
    io.out(table([[...head, "together", "allowed", "process, load", "process, run"], ...rows]));
    io.out(
      `${ok ? "ok" : "FAILED"}: live is JavaScript and its buffers after a collection; process is the most that workerd held at any moment beyond its idle state, the emulated bucket and garbage included`,
    );
  }
  return ok ? 0 : 1;
}
