/**
 * What an engine must do, whatever it computes with: the same cases over onnxruntime-web in Node and
 * in workerd and over the native library. States are held against each other, not against recorded
 * numbers; those that a reference computed are in the tests of the encoder.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import { emptyPrefix, prefixWidth, unpackPrefix } from "../../src/core/model/prefix.ts";
import type { Prefix } from "../../src/core/model/prefix.ts";
import type { LowRank } from "../../src/core/model/low-rank.ts";
import { architectureOf } from "../../src/encoder/families/families.ts";
import { lowRankLinears } from "../../src/encoder/forms/low-rank.ts";
import { statesOfRow } from "../../src/core/model/rows.ts";
import type { Queries, Row } from "../../src/core/model/rows.ts";
import type { BaseSource, Encoder, Engine } from "../../src/engine/engine.ts";
import { piecesOf } from "../support/memory-store.ts";

export interface EngineUnderTest {
  readonly engine: Engine;
  /** A tiny base: its manifest, and its files by name. */
  base(): Promise<{ readonly manifest: BaseManifest; file(name: string): Uint8Array }>;
  /** How far states may lie apart between a row alone and in a batch. */
  readonly tolerance: number;
  /** Whether the engine can tell how much memory it has. */
  readonly knowsMemory: boolean;
  /** Whether it computes low-rank changes of linears; by default it does. */
  readonly takesLowRank?: boolean;
}

/** A read that fails at once. */
async function* failing(): AsyncGenerator<Uint8Array> {
  await Promise.reject(new Error("no such file"));
  yield new Uint8Array(0);
}

export function engineCases(name: string, host: EngineUnderTest): void {
  describe(`an engine: ${name}`, () => {
    let manifest: BaseManifest;
    let read: string[];
    let encoder: Encoder;

    /** The base as the engine reads it; `change` spoils what it reads. */
    async function source(change = (bytes: Uint8Array): Uint8Array => bytes): Promise<BaseSource> {
      const base = await host.base();
      manifest = base.manifest;
      read = [];
      return {
        manifest: Promise.resolve(base.manifest),
        image: null,
        file: (file) => {
          read.push(file);
          return Promise.resolve(change(base.file(file)));
        },
        stream: (file) => {
          read.push(file);
          return piecesOf(change(base.file(file)));
        },
      };
    }

    beforeAll(async () => {
      encoder = await (await host.engine.prepare(await source()))();
    });
    afterAll(() => encoder.release());

    /** A prefix of numbers that differ; none for length 0. */
    function prefixOf(length: number, biases = false): Prefix {
      const { configuration } = manifest;
      if (length === 0 && !biases) return emptyPrefix(configuration);
      const wave = (count: number, scale: number) =>
        Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898 + length) * scale);
      const width = prefixWidth(configuration);
      const prefix = unpackPrefix(wave(length * width, 1), [length, width], configuration, "test");
      if (!biases) return prefix;
      const layers = configuration.num_hidden_layers + 1;
      const deltas = {
        biasDeltas: wave(configuration.num_bias_deltas, 0.1),
        layerWeights: wave(layers, 1 / layers),
      };
      return { ...prefix, deltas };
    }
    /** Low-rank changes of the linears whose names match, by numbers that differ. */
    function lowRankOf(rank: number, names: RegExp): LowRank {
      const { configuration } = manifest;
      const linears = lowRankLinears(architectureOf(configuration).readConfig(configuration));
      const wave = (count: number) =>
        Float32Array.from({ length: count }, (_, i) => Math.sin(i * 7.31 + rank) * 0.2);
      return new Map(
        linears
          .filter(({ name }) => names.test(name))
          .map(({ name, inputs, outputs }) => {
            return [name, { rank, a: wave(rank * inputs), b: wave(rank * outputs) }];
          }),
      );
    }
    const rowOf = (
      ids: readonly number[],
      more: Partial<Row> & { types?: readonly number[] } = {},
    ): Row => ({
      ids: Int32Array.from(ids),
      typeIds: Int32Array.from(more.types ?? ids.map(() => 0)),
      prefix: prefixOf(0),
      positionOffset: 0,
      ...more,
    });
    const IDS = [2, 100, 101, 102, 50, 3];
    const encode = async (rows: readonly Row[], queries: Queries = "all") => {
      const states = await encoder.encode(rows, queries);
      return rows.map(({ ids }, b) => statesOfRow(states, b, ids.length));
    };
    const difference = (a: Float32Array, b: Float32Array): number => {
      expect(a).toHaveLength(b.length);
      return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
    };

    it("reads files while it prepares, and none when it loads", async () => {
      const load = await host.engine.prepare(await source());
      const files = [...read];
      expect(files).toEqual(expect.arrayContaining([...manifest.weights]));
      const second = await load();
      expect(read).toEqual(files);
      await second.release();
    });

    it("fails to prepare when a file cannot be read", async () => {
      const base = await source();
      const file = () => Promise.reject(new Error("no such file"));
      const stream = failing;
      await expect(host.engine.prepare({ ...base, file, stream })).rejects.toThrow("no such file");
    });

    it("refuses a base whose files are not what it can load, and loads others after that", async () => {
      const half = await source((bytes) => bytes.subarray(0, bytes.length >> 1));
      const load = await host.engine.prepare(half);
      const error: unknown = await load().catch((cause: unknown) => cause);
      expect(["runtime-failed", "graph-invalid", "weights-invalid"]).toContain(
        (error as { code?: string }).code,
      );
      const other = await (await host.engine.prepare(await source()))();
      expect((await other.encode([rowOf(IDS)], "all")).dims[1]).toBe(IDS.length);
      await other.release();
    });

    it("has a state for every token of the longest row, or for the first", async () => {
      const rows = [rowOf([2, 100, 3]), rowOf(IDS)];
      const { hidden_size: hidden } = manifest.configuration;
      const all = await encoder.encode(rows, "all");
      expect(all.dims).toEqual([2, IDS.length, hidden]);
      expect(all.values).toHaveLength(2 * IDS.length * hidden);
      const first = await encoder.encode(rows, "first");
      expect(first.dims).toEqual([2, 1, hidden]);
      for (const [b, { ids }] of rows.entries()) {
        const own = statesOfRow(all, b, ids.length).subarray(0, hidden);
        expect(difference(statesOfRow(first, b, ids.length), own)).toBeLessThanOrEqual(
          host.tolerance,
        );
      }
    });

    it.each<Queries>(["all", "first"])(
      "reads a row as it reads it alone, whatever stands beside it: queries %s",
      async (queries) => {
        const rows = [
          rowOf(IDS, { prefix: prefixOf(5) }),
          rowOf([2, 100, 3], { prefix: prefixOf(0), positionOffset: 7 }),
          rowOf([2, 60, 61, 3, 62, 63, 64, 3], { types: [0, 0, 0, 0, 1, 1, 1, 1] }),
          rowOf(IDS, { prefix: prefixOf(3, true) }),
          ...(host.takesLowRank === false
            ? []
            : [
                rowOf(IDS, { prefix: { ...prefixOf(2, true), lowRank: lowRankOf(3, /./) } }),
                rowOf([2, 60, 3], {
                  prefix: { ...prefixOf(0), lowRank: lowRankOf(8, /query|value/) },
                }),
              ]),
        ];
        const together = await encode(rows, queries);
        for (const [b, row] of rows.entries()) {
          const [alone] = await encode([row], queries);
          expect(difference(together[b]!, alone!)).toBeLessThanOrEqual(host.tolerance);
        }
      },
    );

    it("heeds all that a row has", async () => {
      const plain = rowOf(IDS);
      const others: [string, Row][] = [
        ["a prefix", rowOf(IDS, { prefix: prefixOf(4) })],
        ["deltas", rowOf(IDS, { prefix: prefixOf(0, true) })],
        ["an offset", rowOf(IDS, { positionOffset: 4 })],
        ["another type", rowOf(IDS, { types: [0, 0, 0, 1, 1, 1] })],
        ["another token", rowOf(IDS.with(3, 103))],
      ];
      const [expected] = await encode([plain]);
      for (const [what, row] of others) {
        const [found] = await encode([row]);
        expect(difference(found!, expected!), what).toBeGreaterThan(1e-3);
      }
    });

    it.skipIf(host.takesLowRank === false)(
      "heeds low-rank changes of every linear, and refuses those of others",
      async () => {
        const [expected] = await encode([rowOf(IDS)]);
        const changed = (lowRank: LowRank): Row =>
          rowOf(IDS, { prefix: { ...prefixOf(0), lowRank } });
        const all = lowRankOf(2, /./);
        for (const [name, factors] of all) {
          const [found] = await encode([changed(new Map([[name, factors]]))]);
          expect(difference(found!, expected!), name).toBeGreaterThan(1e-3);
        }
        const [own] = [...all.values()];
        for (const foreign of [
          new Map([["encoder.layer.9.query", own!]]),
          new Map(Array.from(all, ([name]) => [name, { ...own!, a: new Float32Array(3) }])),
        ]) {
          await expect(encode([rowOf(IDS), changed(foreign)])).rejects.toMatchObject({
            code: "prefix-base-mismatch",
          });
        }
        expect(await encode([rowOf(IDS)])).toEqual([expected]);
      },
    );

    it("gives the same bits for the same batch, in states that a later run leaves alone", async () => {
      const first = await encoder.encode([rowOf(IDS)], "all");
      const kept = first.values.slice();
      await encoder.encode([rowOf([2, 60, 61, 62, 63, 3])], "all");
      expect(first.values).toEqual(kept);
      expect((await encoder.encode([rowOf(IDS)], "all")).values).toEqual(kept);
    });

    it("rejects an id beyond the word table, and goes on", async () => {
      const [expected] = await encode([rowOf(IDS)]);
      const foreign = rowOf(IDS.with(2, manifest.configuration.vocab_size));
      await expect(encode([rowOf(IDS), foreign])).rejects.toBeInstanceOf(Error);
      expect(await encode([rowOf(IDS)])).toEqual([expected]);
    });

    it("tells how much memory it has, where it can", () => {
      const weights = manifest.weights.reduce((sum, name) => sum + manifest.files[name]!.bytes, 0);
      if (host.knowsMemory) expect(encoder.memoryBytes()).toBeGreaterThan(weights);
      else expect(encoder.memoryBytes()).toBe(0);
    });
  });
}
