/** Inside of the benchmark Worker: who can be asked to run a batch, and with what. */
import { linear, pool } from "../../src/core/model/head.ts";
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import { emptyPrefix } from "../../src/core/model/prefix.ts";
import type { Prefix } from "../../src/core/model/prefix.ts";
import { statesOfRow } from "../../src/core/model/rows.ts";
import type { Row } from "../../src/core/model/rows.ts";
import { int64 } from "../../src/core/model/tensor.ts";
import { parseJson } from "../../src/core/text.ts";
import type { BaseSource, Encoder, Engine } from "../../src/engine/engine.ts";
import type { Feeds, Session } from "../../src/engine/session.ts";
import { architectureOf } from "../../src/encoder/families/families.ts";
import { lowRankLinears } from "../../src/encoder/forms/low-rank.ts";
import type { Change, RunCase } from "./protocol.ts";

export interface Subject {
  memoryBytes(): number;
  /** Makes the rows of a case; the returned function runs them. */
  prepare(batch: RunCase): () => Promise<unknown>;
}

type Files = ReadonlyMap<string, Uint8Array>;

/** A base from its files, by an engine. */
export async function engineSubject(engine: Engine, files: Files): Promise<Subject> {
  const manifest = parseJson(files.get("manifest.json")!, "manifest.json") as BaseManifest;
  const source: BaseSource = {
    manifest: Promise.resolve(manifest),
    file: (name) => Promise.resolve(files.get(name)!),
    async *stream(name) {
      yield await this.file(name);
    },
    image: null,
  };
  const encoder = await (await engine.prepare(source))();
  const { configuration } = manifest;
  return {
    memoryBytes: () => encoder.memoryBytes(),
    prepare(batch) {
      const rows = rowsOf(batch, configuration);
      return () => answer(encoder, batch, rows, configuration.hidden_size);
    },
  };
}

/** A graph with the inputs of a published BERT, or those of them that it has. */
export const plainSubject = (session: Session): Subject => ({
  memoryBytes: () => session.heapBytes(),
  prepare(batch) {
    const known = new Set(session.inputs);
    const given = Object.entries(plainFeeds(batch)).filter(([name]) => known.has(name));
    const feeds: Feeds = Object.fromEntries(given);
    return () => session.run(feeds);
  },
});

interface BenchRow {
  readonly row: Row;
  readonly head: { readonly weight: Float32Array; readonly bias: Float32Array };
}

/** The part of the request path that a batch goes through: run, pool, head. */
async function answer(
  encoder: Encoder,
  { queries, labels }: RunCase,
  batch: readonly BenchRow[],
  hiddenSize: number,
): Promise<void> {
  const rows = batch.map(({ row }) => row);
  const states = await encoder.encode(rows, queries);
  if (labels === 0) return;
  const pooling = queries === "first" ? "cls" : "mean";
  for (const [b, { row, head }] of batch.entries()) {
    const own = statesOfRow(states, b, row.ids.length);
    linear(pool(own, row.ids.length, hiddenSize, pooling, null), head.weight, head.bias);
  }
}

/** Rows that take turns over tasks, each task with a prefix, changes and a head of its own. */
export function rowsOf(
  { rows, tokens, prefixLengths, labels, changes = ["none"] }: RunCase,
  shape: BaseManifest["configuration"],
): BenchRow[] {
  const tasks = prefixLengths.map((length, task) => ({
    prefix: {
      ...(length === 0 ? emptyPrefix(shape) : prefixOf(shape, length, task)),
      ...changeOf(changes[task % changes.length]!, shape, task),
    },
    head: { weight: numbers(labels * shape.hidden_size, task), bias: numbers(labels, task) },
  }));
  return Array.from({ length: rows }, (_, r) => {
    const { prefix, head } = tasks[r % tasks.length]!;
    const ids = idsOf(tokens, r);
    return { row: { ids, typeIds: new Int32Array(tokens), prefix, positionOffset: 0 }, head };
  });
}

const RANK = 8;

function changeOf(
  change: Change,
  shape: BaseManifest["configuration"],
  task: number,
): Partial<Prefix> {
  if (change === "none") return {};
  if (change === "deltas") {
    const layerWeights = numbers(shape.num_hidden_layers + 1, task);
    return { deltas: { biasDeltas: numbers(shape.num_bias_deltas, task), layerWeights } };
  }
  const linears = lowRankLinears(architectureOf(shape).readConfig(shape));
  const lowRank = linears.map(({ name, inputs, outputs }) => {
    const [a, b] = [numbers(RANK * inputs, task), numbers(RANK * outputs, task)];
    return [name, { rank: RANK, a, b }] as const;
  });
  return { lowRank: new Map(lowRank) };
}

function prefixOf(
  shape: BaseManifest["configuration"],
  numVirtualTokens: number,
  task: number,
): Prefix {
  const size = shape.num_key_value_heads * numVirtualTokens * shape.head_dim;
  const layers = Array.from({ length: shape.num_hidden_layers }, (_, layer) => ({
    key: numbers(size, task + layer),
    value: numbers(size, task - layer),
  }));
  return { numVirtualTokens, layers, deltas: null, lowRank: null };
}

function plainFeeds({ rows, tokens }: RunCase): Feeds {
  const dims = [rows, tokens];
  const ids = Array.from({ length: rows }, (_, r) => [...idsOf(tokens, r)]).flat();
  return {
    input_ids: int64(dims, Int32Array.from(ids)),
    attention_mask: int64(dims, new Int32Array(ids.length).fill(1)),
    token_type_ids: int64(dims, new Int32Array(ids.length)),
  };
}

const idsOf = (tokens: number, row: number): Int32Array =>
  Int32Array.from({ length: tokens }, (_, t) => 1000 + ((t * 7919 + row * 31) % 9000));

const numbers = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(i + seed) / 4);
