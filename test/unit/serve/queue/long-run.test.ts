/** Runs that stop between layers: what happens there, and who goes on with them. */
import { describe, expect, it } from "vitest";
import type { Queries, Row, States } from "../../../../src/core/model/rows.ts";
import type { LoadedBase } from "../../../../src/engine/engine.ts";
import { arrange, baseWith, never, row } from "../../../support/recording-scheduler.ts";

const LAYERS = 4;
/** Long enough for a stop after every layer. */
const LONG = 1_024;
/** The least that is a long run; it stops after every fourth layer. */
const SHORTEST = 256;

/** A base that keeps the first ids of each run, and of each layer that was computed by steps. */
function steppingBase(onLayer: (layer: number) => void = () => undefined) {
  const runs: number[][] = [];
  const layers: number[] = [];
  const states = (rows: readonly Row[], queries: Queries): States => {
    const length = queries === "first" ? 1 : Math.max(...rows.map(({ ids }) => ids.length));
    return { dims: [rows.length, length, 1], values: new Float32Array(rows.length * length) };
  };
  const plain = baseWith((rows, queries) => {
    runs.push(rows.map(({ ids }) => ids[0]!));
    return Promise.resolve(states(rows, queries));
  });
  function* steps(rows: readonly Row[], queries: Queries): Generator<void, States> {
    for (let layer = 0; layer < LAYERS; layer++) {
      layers.push(rows[0]!.ids[0]!);
      onLayer(layer);
      yield;
    }
    return states(rows, queries);
  }
  const base: LoadedBase = { ...plain, encoder: { ...plain.encoder, steps } };
  return { base, runs, layers };
}

describe("a long run", () => {
  it("gives the host a turn at the end of every layer", async () => {
    const turns: number[] = [];
    const { clock, submit, finishAll } = arrange();
    const { base, layers, runs } = steppingBase(() => void turns.push(clock.turns));
    const [hidden] = await finishAll(submit(base, [row(1, LONG)]));
    expect(hidden).toHaveLength(LONG);
    expect(layers).toEqual([1, 1, 1, 1]);
    expect(runs).toEqual([]);
    expect(new Set(turns).size).toBe(LAYERS);
  });

  it("does not stop where one caller asks for all", async () => {
    const { submit, finishAll } = arrange({ hasOneCaller: true });
    const { base, layers, runs } = steppingBase();
    await finishAll(submit(base, [row(1, LONG)]));
    expect([runs, layers]).toEqual([[[1]], []]);
  });

  it("of few tokens stops after some layers only", async () => {
    const turns: number[] = [];
    const { clock, submit, finishAll } = arrange();
    const { base } = steppingBase(() => void turns.push(clock.turns));
    await finishAll(submit(base, [row(1, SHORTEST)]));
    expect(turns).toHaveLength(LAYERS);
    expect(new Set(turns).size).toBe(1);
  });

  it("is not made of short ones, nor by an engine that cannot stop", async () => {
    const { base, layers, runs } = steppingBase();
    const { submit, finishAll } = arrange();
    await finishAll(submit(base, [row(1, SHORTEST - 1)]));
    expect([layers, runs]).toEqual([[], [[1]]]);
    const { encode } = base.encoder;
    await finishAll(submit(baseWith(encode), [row(2, LONG)]));
    expect([layers, runs]).toEqual([[], [[1], [2]]]);
  });

  it("ends at a layer when its client has left, and the next request is answered", async () => {
    const client = new AbortController();
    const { scheduler, submit, finishAll } = arrange();
    const { base, layers, runs } = steppingBase((layer) => {
      if (layer === 1) client.abort(new Error("the client has left"));
    });
    const left = submit(base, [row(1, LONG)]);
    client.signal.addEventListener("abort", () => scheduler.cancel(left));
    await expect(finishAll(left, client.signal)).rejects.toThrow("has left");
    await finishAll(submit(base, [row(2, 8)]));
    expect([layers, runs]).toEqual([[1, 1], [[2]]]);
  });

  it("is gone on with by others when the request that began it is no more", async () => {
    const { scheduler, submit, finishAll } = arrange();
    const { base, layers } = steppingBase();
    const [long] = submit(base, [row(1, LONG)]);
    // Its request stops after its first layer without a word, as one does whose context is gone.
    const stop = new AbortController();
    const request = scheduler.finish(long!, stop.signal).catch(() => undefined);
    while (layers.length === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error("gone"));
    await request;
    await finishAll(submit(base, [row(2, 8)]));
    expect(layers).toEqual([1, 1, 1, 1]);
    expect(long!.result).not.toBeNull();
  });

  it("that fails in a layer has its rows run alone", async () => {
    let failures = 0;
    const { submit, finishAll } = arrange({ maxBatchTokens: 2 * LONG });
    const { base, runs, layers } = steppingBase((layer) => {
      if (layer === 2 && failures++ === 0) throw new Error("a trap");
    });
    const answers = await finishAll(submit(base, [row(1, 200), row(2, 200)]));
    expect(answers.map((hidden) => hidden.length)).toEqual([200, 200]);
    expect([layers, runs]).toEqual([
      [1, 1, 1],
      [[1], [2]],
    ]);
  });

  it("counts for those who come while it runs", async () => {
    const ahead: number[] = [];
    const { scheduler, submit, finishAll } = arrange();
    const { base } = steppingBase(() => void ahead.push(scheduler.tokensAhead(1)));
    await finishAll(submit(base, [row(1, LONG)]), never);
    expect(ahead).toEqual(Array<number>(LAYERS).fill(LONG));
    expect(scheduler.tokensAhead(1)).toBe(0);
  });
});
