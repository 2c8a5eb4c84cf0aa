/** Inside of the benchmark Worker: what a batch costs from rows to logits, by whose rows are in it. */
import { graphEncoder } from "../../src/engine/ort/encoder.ts";
import { statesOfRow } from "../../src/core/model/rows.ts";
import type { Row } from "../../src/core/model/rows.ts";
import { linear, pool } from "../../src/core/model/head.ts";
import type { Head } from "../../src/core/model/head.ts";
import type { Session } from "../../src/engine/session.ts";
import type { MixedRequest } from "./protocol.ts";

interface BenchRow {
  readonly row: Row;
  readonly head: Pick<Head, "weight" | "bias">;
}

/** Milliseconds: times[batch][round]. Batches take turns, so that a drift of the machine hits all. */
export async function timeMixed(session: Session, request: MixedRequest): Promise<number[][]> {
  const batches = request.batches.map((lengths) => makeRows(request, lengths));
  const times: number[][] = batches.map(() => []);
  for (let round = 0; round < request.rounds; round++) {
    for (const [b, rows] of batches.entries()) {
      const start = performance.now();
      await answer(session, request, rows);
      times[b]!.push(performance.now() - start);
    }
  }
  return times;
}

/** The part of the request path that a batch goes through: collate, run, pool, head. */
async function answer(
  session: Session,
  { shape, queries }: MixedRequest,
  batch: readonly BenchRow[],
): Promise<Float32Array[]> {
  const rows = batch.map(({ row }) => row);
  const states = await graphEncoder(session, shape).encode(rows, queries);
  return batch.map(({ row, head }, b) => {
    const own = statesOfRow(states, b, row.ids.length);
    const pooling = queries === "first" ? "cls" : "mean";
    const pooled = pool(own, row.ids.length, shape.hidden_size, pooling, null);
    return linear(pooled, head.weight, head.bias);
  });
}

/** Rows that take turns over tasks, each task with a prefix and a head of its own. */
function makeRows(
  { shape, rows, tokens, labels }: MixedRequest,
  prefixLengths: readonly number[],
): BenchRow[] {
  const numbers = (length: number, seed: number) =>
    Float32Array.from({ length }, (_, i) => Math.sin(i + seed) / 4);
  const tasks = prefixLengths.map((numVirtualTokens, task) => {
    const size = shape.num_key_value_heads * numVirtualTokens * shape.head_dim;
    const layers = Array.from({ length: shape.num_hidden_layers }, (_, layer) => ({
      key: numbers(size, task + layer),
      value: numbers(size, task - layer),
    }));
    const head = { weight: numbers(labels * shape.hidden_size, task), bias: numbers(labels, task) };
    return { prefix: { numVirtualTokens, layers, deltas: null }, head };
  });
  return Array.from({ length: rows }, (_, r) => {
    const { prefix, head } = tasks[r % tasks.length]!;
    const ids = Int32Array.from({ length: tokens }, (_, t) => 1000 + ((t * 7919 + r * 31) % 9000));
    return { row: { ids, typeIds: new Int32Array(tokens), prefix, positionOffset: 0 }, head };
  });
}
