/** Runs of the encoder of our own kernels: any batch gives the same bits, and a run may be ended. */
import fc from "../../../support/properties.ts";
import { beforeAll, describe, expect, it } from "vitest";
import { sourceOf } from "../../../../src/encoder/loaded-base.ts";
import { emptyPrefix, prefixWidth, unpackPrefix } from "../../../../src/core/model/prefix.ts";
import type { Prefix } from "../../../../src/core/model/prefix.ts";
import { statesOfRow } from "../../../../src/core/model/rows.ts";
import type { Queries, Row } from "../../../../src/core/model/rows.ts";
import type { Base } from "../../../../src/encoder/base.ts";
import type { Encoder } from "../../../../src/engine/engine.ts";
import { loadSimd } from "../../../support/simd-base.ts";
import { randomLowRank } from "../../../support/encode.ts";
import { makeTinyBase } from "../../../support/tiny-base.ts";

let base: Base;
let encoder: Encoder;
/** Of 0, 1, 5 and 16 virtual tokens, each also with deltas. */
let prefixes: readonly Prefix[];

beforeAll(async () => {
  base = await makeTinyBase({ dtype: "int8", seed: 1 });
  encoder = await loadSimd(sourceOf(base));
  prefixes = [0, 1, 5, 16].flatMap((length) => [prefixOf(length), prefixOf(length, true)]);
  const changed = [randomLowRank(base, 3), randomLowRank(base, 8, "query")];
  prefixes = [...prefixes, ...changed.map((lowRank, i) => ({ ...prefixes[3 * i]!, lowRank }))];
});

function prefixOf(length: number, hasDeltas = false): Prefix {
  const { configuration } = base.manifest;
  const wave = (count: number, scale: number) =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898 + length) * scale);
  const width = prefixWidth(configuration);
  const prefix =
    length === 0
      ? emptyPrefix(configuration)
      : unpackPrefix(wave(length * width, 1), [length, width], configuration, "test");
  if (!hasDeltas) return prefix;
  const layers = configuration.num_hidden_layers + 1;
  const biasDeltas = wave(configuration.num_bias_deltas, 0.1);
  return { ...prefix, deltas: { biasDeltas, layerWeights: wave(layers, 1 / layers) } };
}

const row = fc
  .record({
    ids: fc.array(fc.nat({ max: 199 }), { minLength: 1, maxLength: 40 }),
    type: fc.nat({ max: 1 }),
    prefix: fc.nat({ max: 9 }),
    positionOffset: fc.nat({ max: 20 }),
  })
  .map(({ ids, type, prefix, positionOffset }): Row => ({
    ids: Int32Array.from(ids),
    typeIds: new Int32Array(ids.length).fill(type),
    prefix: prefixes[prefix]!,
    positionOffset,
  }));

async function encode(rows: readonly Row[], queries: Queries): Promise<Float32Array[]> {
  const states = await encoder.encode(rows, queries);
  return rows.map(({ ids }, b) => statesOfRow(states, b, ids.length));
}

const rowOf = (length: number): Row => ({
  ids: new Int32Array(length).fill(7),
  typeIds: new Int32Array(length),
  prefix: emptyPrefix(base.manifest.configuration),
  positionOffset: 0,
});

describe("the states of a row", () => {
  it("are the same bits alone, beside any others and in any order", async () => {
    const batch = fc.array(row, { minLength: 1, maxLength: 6 });
    const queries = fc.constantFrom<Queries>("all", "first");
    await fc.assert(
      fc.asyncProperty(batch, queries, async (rows, asked) => {
        const alone: Float32Array[] = [];
        for (const each of rows) alone.push(...(await encode([each], asked)));
        expect(await encode(rows, asked)).toEqual(alone);
        expect(await encode(rows.toReversed(), asked)).toEqual(alone.toReversed());
      }),
      { numRuns: 60 },
    );
  });

  it("for the first token are those that it has among all", async () => {
    await fc.assert(
      fc.asyncProperty(row, async (each) => {
        const [all] = await encode([each], "all");
        const [first] = await encode([each], "first");
        expect(first).toEqual(all!.subarray(0, first!.length));
      }),
      { numRuns: 30 },
    );
  });
});

describe("a run", () => {
  it("stops before every layer, and then has the states of a run that does not stop", async () => {
    const expected = await encoder.encode([rowOf(5)], "all");
    const run = encoder.steps!([rowOf(5)], "all");
    for (let layer = 0; layer < base.manifest.configuration.num_hidden_layers; layer++) {
      expect(run.next()).toEqual({ done: false, value: undefined });
    }
    expect(run.next()).toEqual({ done: true, value: expected });
  });

  it("that is left unfinished does not change the next one, and is over when that has begun", async () => {
    const [expected] = await encode([rowOf(5)], "all");
    const left = encoder.steps!([rowOf(30), rowOf(9)], "all");
    left.next();
    left.next();
    expect(await encode([rowOf(5)], "all")).toEqual([expected]);
    expect(() => left.next()).toThrow(expect.objectContaining({ code: "run-failed" }));
    expect(await encode([rowOf(5)], "all")).toEqual([expected]);
  });

  it.each<[string, (row: Row) => Row]>([
    ["an id beyond the word table", (r) => ({ ...r, ids: Int32Array.of(2, 200) })],
    ["a negative id", (r) => ({ ...r, ids: Int32Array.of(2, -1) })],
    ["an unknown type", (r) => ({ ...r, typeIds: Int32Array.of(0, 2) })],
    ["more tokens than types", (r) => ({ ...r, typeIds: Int32Array.of(0) })],
    ["a position beyond the table", (r) => ({ ...r, positionOffset: 127 })],
    ["a negative position", (r) => ({ ...r, positionOffset: -1 })],
    ["a prefix without layers", (r) => ({ ...r, prefix: { ...r.prefix, layers: [] } })],
    [
      "a shorter prefix than it says",
      (r) => ({ ...r, prefix: { ...r.prefix, numVirtualTokens: 1 } }),
    ],
    [
      "deltas of another base",
      (r) => ({
        ...r,
        prefix: {
          ...r.prefix,
          deltas: { biasDeltas: new Float32Array(3), layerWeights: new Float32Array(3) },
        },
      }),
    ],
  ])("refuses a row with %s, and the next one is right", async (_, change) => {
    const [expected] = await encode([rowOf(2)], "all");
    const wrong = change(rowOf(2));
    const run = encoder.encode([rowOf(2), wrong], "all");
    await expect(run).rejects.toMatchObject({ code: "row-invalid" });
    expect(await encode([rowOf(2)], "all")).toEqual([expected]);
  });
});

describe("the memory", () => {
  it("grows with the longest run, and is used again", async () => {
    const own = await loadSimd(sourceOf(base));
    const loaded = own.memoryBytes();
    await own.encode([rowOf(128), rowOf(128)], "all");
    const grown = own.memoryBytes();
    expect(grown).toBeGreaterThan(loaded);
    for (let i = 0; i < 3; i++) await own.encode([rowOf(128), rowOf(100)], "all");
    expect(own.memoryBytes()).toBe(grown);
  });

  it("is never larger than allowed: a run that needs more is refused, a smaller one is not", async () => {
    const enough = (await loadSimd(sourceOf(base))).memoryBytes() + 3 * 65_536;
    const own = await loadSimd(sourceOf(base), enough);
    const many = Array.from({ length: 20 }, () => rowOf(100));
    await expect(own.encode(many, "all")).rejects.toMatchObject({ code: "heap-limit" });
    expect((await own.encode([rowOf(9)], "all")).dims).toEqual([1, 9, 32]);
    expect(own.memoryBytes()).toBeLessThanOrEqual(enough);
  });

  it("is given back with the encoder", async () => {
    const own = await loadSimd(sourceOf(base));
    await own.release();
    expect(own.memoryBytes()).toBe(0);
    await expect(own.encode([rowOf(3)], "all")).rejects.toMatchObject({ code: "run-failed" });
  });
});
